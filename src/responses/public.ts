/**
 * The package's `./responses`: what another dialect's door or client needs of the Responses protocol,
 * pure. Nothing here opens a connection.
 */
export { createChatCompletionChunkMapper } from './chat-completion-chunk-mapper.js'
export type { ChatCompletionChunkMapper } from './chat-completion-chunk-mapper.js'
export { decodeEvent } from './decode-event.js'
export { packReasoning, unpackReasoning } from './pack-reasoning.js'
export { createResponseEventMapper } from './response-event-mapper.js'
export type { ResponseEventMapper } from './response-event-mapper.js'
export { buildItemId, createResponseWriter } from './response-writer.js'
export type { ResponseStreamEvent, ResponseWriter } from './response-writer.js'
export { buildResponseUsage } from './response-object.js'
export { judgeField, toWireTier } from './lane-rules.js'
export type { ResponseIdentity } from './response-object.js'
export { toChatCompletion } from './to-chat-completion.js'
export type { CompletionIdentity } from './to-chat-completion.js'
export { createStreamTranslator, toStreamEvents } from './stream-to-answer-events.js'
export { responseToEvents, toResponseStreamEvents } from './to-response-stream-events.js'
export type { RawEvent } from './to-response-stream-events.js'
export type { WireEvent } from './wire-events.js'
