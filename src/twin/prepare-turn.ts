/** One turn, from the request's JSON to the events that answer it. Knows no transport. */
import { defined, isRecord, parseJson } from '../lib/index.js'
import { afterLast } from './after-last.js'
import type { Answer } from './answer.js'
import { buildEvents, type BakedEvent } from './build-events.js'
import { checkPairs } from './call-pairs.js'
import { buildScriptedAnswer, computeAnswer, isRecordingReply, isRefusalReply, isScripted } from './compute-answer.js'
import type { TwinContext } from './context.js'
import { decodeTurn, type Turn } from './decode-turn.js'
import { errorRefusal, isRefusal, type Refusal } from './refusal.js'
import { checkItems } from './request-items.js'
import type { SealTerms } from './seal.js'
import type { Grant } from './token-ledger.js'
import type { RecordingReply, TwinFaults, TwinReply, TwinRequest } from './types.js'

export interface TurnInput {
  value: unknown
  grant: Grant
  transport: 'http' | 'websocket'
  entry: TwinRequest
  /** the items that a previous_response_id stands for; undefined where nobody knows it */
  recall(responseId: string): readonly Record<string, unknown>[] | undefined
}

export interface RefusedTurn {
  kind: 'refused'
  refusal: Refusal
  faults: TwinFaults
  /** previous_response_id led nowhere */
  lostResponseId?: string
}

export interface RunningTurn {
  kind: 'running'
  events: Iterable<BakedEvent>
  faults: TwinFaults
  responseId: string
  /** everything the model saw, then what it said: where a continuation goes on */
  history: readonly Record<string, unknown>[]
  /** a continuation is possible once it has ended */
  continues: boolean
  servedModel: string
  stream: boolean
  /** a recording: nothing is added to it */
  recorded: boolean
  /** the turn is over, however */
  leave(): void
}

export type PreparedTurn = RefusedTurn | RunningTurn

export function prepareTurn(context: TwinContext, input: TurnInput): PreparedTurn {
  const { grant, transport } = input
  const turn = decodeTurn(input.value, { lane: grant.lane, transport, models: context.models, behaviour: context.behaviour })
  if (isRefusal(turn)) return refuse(turn)
  const stored = turn.previousResponseId === undefined ? [] : input.recall(turn.previousResponseId)
  if (!stored) {
    const message = `Previous response with id '${turn.previousResponseId}' not found.`
    const refusal = errorRefusal(400, { message, code: 'previous_response_not_found', param: 'previous_response_id' })
    return { ...refuse(refusal), ...defined({ lostResponseId: turn.previousResponseId }) }
  }
  const items = stored.length === 0 ? turn.input : [...stored, ...turn.input]
  const terms: SealTerms = { accountId: grant.accountId, lane: grant.lane, model: turn.model.slug }
  const problem = checkItems(turn.input, { ...terms, model: turn.model, store: turn.store, opens: (sealed) => context.sealer.opens(sealed, terms), gave: (type) => context.givenTypes.has(type) }) ??
    (turn.warmup ? undefined : checkPairs(items)) ?? context.quota.verdict(turn.model.slug, grant.lane)
  if (problem) return refuse(problem)
  const reply = context.replies.take(input.entry, turn.warmup ? 'warmup' : 'turn', items)
  if (reply && isRefusalReply(reply)) return { kind: 'refused', refusal: toRefusal(reply), faults: reply }
  if (!turn.warmup && !context.activity.enter(grant.accountId, context.behaviour.maxConcurrent)) return refuse(refuseBurst(context.behaviour.maxConcurrent))
  const leave = turn.warmup ? () => undefined : once(() => context.activity.leave(grant.accountId))
  const { eventDelayMs } = context.behaviour
  const faults: TwinFaults = reply ?? (eventDelayMs > 0 ? { eventDelayMs } : {})
  const running = reply && isRecordingReply(reply)
    ? playRecording(context, reply, turn, terms)
    : playAnswer(context, turn, { items, reply, terms })
  // a client that has read the last event may ask again at once: by then the turn no longer counts
  const events = afterLast(running.events, leave)
  // what it compacted within the answer is all that is left of what came before
  const seen = running.compacted ? [] : items
  return { kind: 'running', faults, leave, stream: turn.stream, ...running, events, history: [...seen, ...running.doneItems] }
}

const refuse = (refusal: Refusal): RefusedTurn => ({ kind: 'refused', refusal, faults: {} })

function toRefusal(reply: { status: number; headers?: Record<string, string>; body?: unknown }): Refusal {
  return { status: reply.status, body: reply.body, ...(reply.headers ? { headers: reply.headers } : {}) }
}

function refuseBurst(limit: number | undefined): Refusal {
  return errorRefusal(429, {
    type: 'slow_down', code: 'slow_down', message: `Too many requests at once (${limit} may run). Please slow down and try again in 1s.`,
  }, { 'retry-after': '1' })
}

function once(work: () => void): () => void {
  let done = false
  return () => {
    if (!done) work()
    done = true
  }
}

type Played = Pick<RunningTurn, 'events' | 'responseId' | 'continues' | 'servedModel' | 'recorded'> & { doneItems: Record<string, unknown>[]; compacted?: boolean }

function playAnswer(
  context: TwinContext, turn: Turn, made: { items: readonly Record<string, unknown>[]; reply: TwinReply | undefined; terms: SealTerms },
): Played {
  const { items, reply, terms } = made
  const parts = [turn.instructions ?? '', JSON.stringify(turn.body['tools'] ?? []), ...items.map((item) => context.meter.textOf(item))]
  const cacheKey = turn.body['prompt_cache_key']
  const prompt = context.meter.count({ accountId: terms.accountId, model: terms.model, cacheKey: typeof cacheKey === 'string' ? cacheKey : undefined, parts })
  const compacted = !turn.warmup && prompt.inputTokens >= (turn.compactThreshold ?? Infinity)
  const chosen = chooseAnswer(turn, items, reply, prompt.inputTokens)
  const answer: Answer = compacted && chosen.end.kind !== 'failed' ? { ...chosen, items: [{ kind: 'compaction' }, ...chosen.items] } : chosen
  const servedModel = answer.model ?? context.behaviour.servedModels[turn.model.slug] ?? turn.model.slug
  const responseId = context.ids.next('resp')
  const built = buildEvents({
    answer, responseId, createdAt: Math.floor(context.now() / 1000), model: servedModel, request: turn.body, prompt, ids: context.ids,
    seal: () => context.sealer.seal(terms), terminalOutput: context.behaviour.terminalOutput ?? (turn.lane === 'codex' ? 'empty' : 'full'),
    ...thinkingOf(context, turn, servedModel),
  })
  const events = turn.warmup || turn.lane === 'api_key' || built.end !== 'completed'
    ? built.events
    : afterLast(built.events, () => context.quota.draw(servedModel, built.usage))
  return { events, responseId, doneItems: built.doneItems, continues: built.end === 'completed', servedModel, recorded: false, compacted }
}

/** How long the model thinks at the turn's effort, where the behaviour says so. */
function thinkingOf({ behaviour: { planUse } }: TwinContext, turn: Turn, model: string): { thinking?: number } {
  if (planUse?.thinking === undefined) return {}
  const effort = turn.effort ?? 'medium'
  return { thinking: (planUse.thinking[effort] ?? 0) * (planUse.thinkingOf?.[model] ?? 1) }
}

function chooseAnswer(turn: Turn, items: readonly Record<string, unknown>[], reply: TwinReply | undefined, inputTokens: number): Answer {
  if (turn.warmup && !(reply && !isRefusalReply(reply) && !isRecordingReply(reply) && isScripted(reply))) return { items: [], end: { kind: 'completed' } }
  if (inputTokens > turn.model.contextWindow) {
    const message = 'Your input exceeds the context window of this model. Please adjust your input and try again.'
    return { items: [], end: { kind: 'failed', code: 'context_length_exceeded', message } }
  }
  if (!reply || isRefusalReply(reply) || isRecordingReply(reply)) return computeAnswer(turn, items)
  const answer = isScripted(reply) ? buildScriptedAnswer(reply, turn) : computeAnswer(turn, items)
  return {
    ...answer, ...(reply.usage ? { usage: reply.usage } : {}), ...defined({ model: reply.model, deltaChars: reply.deltaChars }),
  }
}

/** A recording's events as they are; the twin learns from them what a server would know. */
function playRecording(context: TwinContext, reply: RecordingReply, turn: Turn, terms: SealTerms): Played {
  const doneItems: Record<string, unknown>[] = []
  let responseId = ''
  let servedModel = turn.model.slug
  let completed = false
  const events = reply.events.map((each): BakedEvent => {
    const value = typeof each === 'string' ? parseJson(each) : each
    const event = isRecord(value) ? value : {}
    const { item, response, type } = event
    if (isRecord(response) && typeof response['id'] === 'string') responseId = response['id']
    if (isRecord(response) && typeof response['model'] === 'string') servedModel = response['model']
    if (type === 'response.output_item.done' && isRecord(item)) {
      doneItems.push(item)
      context.givenTypes.add(String(item['type']))
    }
    if (isRecord(item) && typeof item['encrypted_content'] === 'string') context.sealer.adopt(item['encrypted_content'], terms)
    if (type === 'response.completed' || type === 'response.done') completed = true
    return { type: typeof type === 'string' ? type : 'message', json: typeof each === 'string' ? each : JSON.stringify(each) }
  })
  return { events, responseId, doneItems, continues: completed && responseId !== '', servedModel, recorded: true }
}
