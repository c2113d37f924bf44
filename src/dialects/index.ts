/**
 * dialects/ owns how an answer is written for other programs' clients, as Responses or Chat Completions events, pure; it is
 * the package's `./responses`. It refuses to know where the answer came from and over what it leaves.
 */
export { createChatCompletionChunkMapper } from './chat-completion-chunk-mapper.js'
export type { ChatCompletionChunkMapper } from './chat-completion-chunk-mapper.js'
export { decodeEvent } from '../responses/decode-event.js'
export { packReasoning, unpackReasoning } from '../responses/pack-reasoning.js'
export { createResponseEventMapper } from './response-event-mapper.js'
export type { ResponseEventMapper } from './response-event-mapper.js'
export { buildItemId } from './response-item.js'
export { createResponseWriter } from './response-writer.js'
export type { ResponseStreamEvent, ResponseWriter } from './response-writer.js'
export { buildResponseUsage } from './response-object.js'
export { judgeField, toWireTier } from '../responses/lane-rules.js'
export type { ResponseIdentity } from './response-object.js'
export { toChatCompletion } from './to-chat-completion.js'
export type { CompletionIdentity } from './to-chat-completion.js'
export { createStreamTranslator, toStreamEvents } from './stream-to-answer-events.js'
export { responseToEvents, toResponseStreamEvents } from './to-response-stream-events.js'
export type { RawEvent } from './to-response-stream-events.js'
export type { WireEvent } from '../responses/wire-events.js'
