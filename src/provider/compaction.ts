/**
 * Compaction of a history that fills its model's window: by a call of its own that answers a checkpoint, or within an
 * answer, where lane and model are known to take that.
 */
import {
  InvalidRequestError, isLLMError, laneRow, modelFamily, StreamError, type CallOptions, type ChatRequest, type ChatResponse, type JsonObject, type LLMError, type Message, type ResponseStream,
  type ReasoningProvenance, type RouteReceipt, type Usage,
} from '../contract/index.js'
import { isRecord, keepNewest, readString } from '../lib/index.js'
import { CHECKPOINT_KEY, writeCheckpoint, type AnswerReader, type BuiltRequest } from '../responses/index.js'
import { modelOf, type Call } from './call.js'
import type { ProviderDeps } from './deps.js'
import type { RequestBuilder } from './request-builder.js'

/** What a history came to. */
export interface Checkpoint {
  /** goes into a history in place of the messages it was made of; has no content, its metadata are for the backend alone */
  message: Message
  /** of the call that made it; null where the backend did not say */
  usage: Usage | null
  response_id: string | null
  route: RouteReceipt
}

/** Compacts when it is due, by the usage that the backend reports. */
export interface Compactor {
  /** Tokens from which on the server is to compact within the answer; undefined where it is not to, or can't. */
  threshold(call: Call): number | undefined
  /** How many of the first messages a checkpoint has to stand for before this call goes out; undefined where it may go as it is. */
  due(call: Call): number | undefined
  /** The checkpoint goes in place of these messages from now on. */
  keep(call: Call, item: JsonObject, count: number): void
  /** An answer's usage tells how full the window is. */
  observe(call: Call, usage: Usage | null | undefined): void
  /** Whether the backend refused what asks it to compact within the answer, which then isn't asked for again. */
  refused(built: BuiltRequest | undefined, error: LLMError): boolean
  /** A checkpoint could not be made: the history goes whole, and the next try waits until it has grown. */
  failed(call: Call, error: unknown): void
}

interface Fill {
  tokens: number
  /** tokens at which the next compaction is worth its call */
  next: number
}

/** Conversations whose fill is remembered. */
const REMEMBERED = 32
/** Of the window: a history that stays full after it was compacted is not compacted again before it grew by so much. */
const WORTH = 0.1

export function createCompactor(deps: ProviderDeps, requests: RequestBuilder): Compactor {
  const fills = new Map<string, Fill>()
  /** why compaction is off, by way */
  const off: { inline?: true; trigger?: true } = {}
  let warned = false
  const limitOf = ({ settings, model }: Call): number | undefined => (settings.compactAt === undefined ? undefined : Math.floor(settings.compactAt * model.contextWindow))
  const takesInline = (call: Call): boolean => !off.inline && laneRow(deps.credentials.lane).compaction.inline?.test(call.model.slug) === true
  const warnOnce = (message: string): void => {
    if (!warned) deps.warn(message)
    warned = true
  }
  return {
    threshold: (call) => (takesInline(call) ? limitOf(call) : undefined),
    due(call) {
      const limit = limitOf(call)
      if (limit === undefined || call.asCheckpoint || takesInline(call) || off.trigger) return undefined
      const { lane } = deps.credentials
      if (!laneRow(lane).compaction.trigger) {
        warnOnce(`compact_at has no effect in lane ${lane}, which is not known to compact`)
        return undefined
      }
      const conversation = requests.nameOf(call.request)
      const fill = fills.get(conversation)
      const count = lastStep(call.request.messages)
      return fill && fill.tokens >= Math.max(limit, fill.next) && count > requests.covered(conversation) + 1 ? count : undefined
    },
    keep(call, item, count) {
      const conversation = requests.nameOf(call.request)
      requests.keepCheckpoint(conversation, item, count)
      // How far the window is free now is told by the next answer.
      keepNewest(fills, conversation, { tokens: 0, next: Infinity }, REMEMBERED)
    },
    observe(call, usage) {
      if (call.settings.compactAt === undefined || call.asCheckpoint || !usage) return
      const conversation = requests.nameOf(call.request)
      const tokens = usage.input_tokens + usage.output_tokens
      const before = fills.get(conversation)?.next ?? 0
      keepNewest(fills, conversation, { tokens, next: before === Infinity ? tokens + WORTH * call.model.contextWindow : before }, REMEMBERED)
    },
    refused(built, error) {
      // What the user's own extra_request_params asks for is theirs to take back.
      if (off.inline || deps.settings.compactAt === undefined || built?.fields['context_management'] === undefined || error.name !== 'InvalidRequestError' || !error.message.includes('context_management')) return false
      off.inline = true
      deps.warn(`the backend takes no context_management for ${error.model ?? 'this model'}: not asked for again by this mount`)
      return true
    },
    failed(call, error) {
      const conversation = requests.nameOf(call.request)
      const tokens = fills.get(conversation)?.tokens ?? 0
      // A call for each turn that brings nothing would use up the plan.
      keepNewest(fills, conversation, { tokens, next: tokens + WORTH * call.model.contextWindow }, REMEMBERED)
      if (isLLMError(error) && error.name === 'InvalidRequestError') off.trigger = true
      warnOnce(`the history could not be compacted and goes whole: ${error instanceof Error ? error.message : String(error)}`)
    },
  }
}

/** Where the newest step begins: the last message that the user or the model wrote. What came before it can be compacted. */
function lastStep(messages: readonly Message[]): number {
  return messages.findLastIndex(({ role }) => role === 'user' || role === 'assistant')
}

/**
 * The one compaction of an answer that is nothing else. The order of its events is the reader's to judge.
 * @throws StreamError `invalid_checkpoint`
 */
export function readCheckpointItem(reader: AnswerReader, deps: ProviderDeps, call: Call): JsonObject {
  const [item, ...more] = reader.items()
  const problem = reader.ended?.kind !== 'completed' ? 'it was cut'
    : item === undefined || more.length > 0 || item['type'] !== 'compaction' ? `it has ${reader.items().map(({ type }) => String(type)).join(', ') || 'nothing'} in place of one compaction`
      : !readString(item, 'encrypted_content') ? 'its compaction is empty'
        : reader.servedModel !== undefined && modelFamily(reader.servedModel) !== call.model.family ? `${reader.servedModel} made it` : undefined
  if (problem === undefined && item !== undefined) return item
  throw new StreamError(`the answer is no checkpoint: ${problem}. The history is as it was.`, {
    provider: deps.mountName, model: modelOf(call), code: 'invalid_checkpoint', retryable: false,
  })
}

/** The answer of a call that made a checkpoint: the checkpoint is in its metadata, it shows nothing. */
export function toCheckpoint({ content: [block], usage, metadata }: ChatResponse, item: JsonObject): ChatResponse {
  const origin = block?.type === 'hosted' ? block.content?.[2] : undefined
  return { content: [], usage: usage ?? null, finish_reason: 'stop', metadata: { ...metadata, ...writeCheckpoint(item, origin as ReasoningProvenance).metadata } }
}

/** The backend's item in the metadata of {@link toCheckpoint}. */
export function checkpointOf({ metadata }: ChatResponse): JsonObject {
  const checkpoint = metadata?.[CHECKPOINT_KEY]
  return isRecord(checkpoint) && isRecord(checkpoint['item']) ? checkpoint['item'] : {}
}

/** Makes a checkpoint of a request's messages; nothing of it is streamed. @throws LLMError */
export async function compact(
  deps: ProviderDeps, request: ChatRequest, options: CallOptions, open: (request: ChatRequest, options: CallOptions) => ResponseStream,
): Promise<Checkpoint> {
  const { lane } = deps.credentials
  if (!laneRow(lane).compaction.trigger) {
    throw new InvalidRequestError(`lane ${lane} is not known to make checkpoints of a history`, { provider: deps.mountName, code: 'compaction_not_supported' })
  }
  const { usage = null, metadata } = await open(request, options).response()
  const { response_id: id, route, [CHECKPOINT_KEY]: checkpoint } = metadata ?? {}
  return {
    message: { role: 'assistant', content: '', metadata: { [CHECKPOINT_KEY]: checkpoint } },
    usage, response_id: typeof id === 'string' ? id : null, route: route as RouteReceipt,
  }
}
