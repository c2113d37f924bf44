import type { JsonObject } from '../contract/index.js'
import { isRecord, readString, wellFormed } from '../lib/index.js'
import { jsonString } from './canonical-json.js'
import { readImage, type WireImage } from './image-limits.js'

export interface ToolOutput {
  /** JSON text of the item's `output`: a string, or an array where images are among it */
  text: string
  images: readonly WireImage[]
}

export interface ToolOutputRules {
  /** at most this many characters of text in one output; undefined for all of them */
  maxChars: number | undefined
  acceptsImages: boolean
}

/**
 * A tool's result as the wire takes it: text as it is, anything else as JSON, text blocks joined,
 * images kept as images. An image that is broken, or that the model can't see, becomes a sentence
 * saying so: the model can go on from there, while an error would end the whole conversation.
 */
export function buildToolOutput(output: unknown, rules: ToolOutputRules): ToolOutput {
  const blocks = readBlocks(output)
  if (blocks === undefined) return { text: jsonString(capText(readText(output), rules.maxChars)), images: [] }
  const parts: (string | WireImage)[] = blocks.map((block) => {
    if (!isImage(block)) return readString(block, 'text') ?? ''
    const image = readImage(block)
    if (typeof image === 'string') return `[image left out: it ${image}]`
    return rules.acceptsImages ? image : '[image left out: this model does not take images]'
  })
  const images = parts.filter((part): part is WireImage => typeof part !== 'string')
  if (images.length === 0) return { text: jsonString(capText(parts.join('\n'), rules.maxChars)), images }
  return { text: JSON.stringify(capParts(parts, rules.maxChars)), images }
}

function capParts(parts: readonly (string | WireImage)[], maxChars: number | undefined): JsonObject[] {
  let left = maxChars
  return parts.flatMap((part): JsonObject[] => {
    if (typeof part !== 'string') return [part.part]
    const text = wellFormed(capText(part, left))
    if (left !== undefined) left = Math.max(0, left - text.length)
    return text === '' ? [] : [{ type: 'input_text', text }]
  })
}

/** The blocks of a result that is made of text and image blocks, bare or under `content`. */
function readBlocks(output: unknown): JsonObject[] | undefined {
  const list: unknown = isRecord(output) ? output['content'] : output
  if (!Array.isArray(list) || list.length === 0) return undefined
  const blocks = (list as unknown[]).filter(isRecord)
  if (blocks.length !== list.length || !blocks.every((block) => isImage(block) || isText(block))) return undefined
  // Beside `content` a record may say more (an exit code, an error mark): then only images are worth losing it for.
  if (isRecord(output) && Object.keys(output).length > 1 && !blocks.some(isImage)) return undefined
  return blocks
}

function isText(block: JsonObject): boolean {
  return typeof block['text'] === 'string' && /^(?:text|input_text|output_text)$/.test(String(block['type']))
}

export function isImage(block: JsonObject): boolean {
  return /^(?:image|input_image|image_url)$/.test(String(block['type']))
}

/** @throws TypeError for what has no JSON form */
function readText(output: unknown): string {
  if (typeof output === 'string') return output
  return output === undefined || output === null ? '' : (JSON.stringify(output) ?? String(output))
}

/**
 * The text's head and tail with a note of what is missing between them, `maxChars` long at most.
 * @param maxChars in UTF-16 code units; undefined means no limit
 */
function capText(text: string, maxChars: number | undefined): string {
  if (maxChars === undefined || text.length <= maxChars) return text
  const note = `\n[… ${text.length - maxChars} or more characters left out …]\n`
  const kept = maxChars - note.length
  if (kept < 2) return text.slice(0, maxChars)
  const head = Math.ceil(kept / 2)
  return text.slice(0, head) + note + text.slice(text.length - (kept - head))
}
