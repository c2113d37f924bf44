import { InvalidRequestError } from '../contract/index.js'
import { MAX_REQUEST_IMAGE_BYTES, MAX_REQUEST_IMAGES } from './image-limits.js'
import type { MappedMessage } from './message-items.js'

export interface MessageTotals {
  droppedReasoning: number
  unknownBlocks: readonly string[]
}

/**
 * What the messages of a request come to together.
 * @throws InvalidRequestError naming the message with which the images become too many or too large
 */
export function sumUp(mapped: readonly MappedMessage[], model: string): MessageTotals {
  const unknownBlocks = new Set<string>()
  let droppedReasoning = 0
  let images = 0
  let bytes = 0
  for (const [index, message] of mapped.entries()) {
    droppedReasoning += message.droppedReasoning
    for (const kind of message.unknownBlocks) unknownBlocks.add(kind)
    images += message.images
    bytes += message.imageBytes
    if (images <= MAX_REQUEST_IMAGES && bytes <= MAX_REQUEST_IMAGE_BYTES) continue
    const limit = `${MAX_REQUEST_IMAGES} images, ${MAX_REQUEST_IMAGE_BYTES} bytes`
    throw new InvalidRequestError(`messages[${index}]: with this message the request's images pass the limit (${limit})`, {
      code: 'too_many_images', model,
    })
  }
  return { droppedReasoning, unknownBlocks: [...unknownBlocks] }
}
