import type { ChatRequest, ChatResponse, LLMError, ObservedCall } from '../contract/index.js'
import { defined, isRecord, readString } from '../lib/index.js'

/** What calls add up to. */
export interface UsageSums {
  /** input that was read anew */
  fresh_tokens: number
  cached_tokens: number
  cache_written_tokens: number
  /** part of the output */
  reasoning_tokens: number
  output_tokens: number
  /** attempts beyond the first */
  retries: number
  degraded: number
}

/** What is kept of one call: no prompt, no answer, no error's words. */
export interface UsageRecord extends UsageSums {
  id: string
  /** ms since 1970, when it ended */
  at_ms: number
  session: string
  agent: string
  /** the name of the HTTP endpoint's key; empty for calls that came otherwise */
  key: string
  role: string
  /** what answered; of a failed call what was asked */
  model: string
  lane: string
  status: 'ok' | 'error'
  /** the error's kind, empty where there was none */
  error_type: string
  duration_ms: number
  /** null where no output came */
  first_delta_ms: number | null
  /** the part of the prompt that broke the cache, such as `input (user message)`; empty where it held */
  cache_break: string
  /** decimal, empty where none is known */
  cost_usd: string
}

/** Session ids of delegated agents end in `-SPAN_AGENT`. */
const AGENT_SESSION = /^.+-[0-9a-f]{16}_(.+)$/
const LONGEST_NAME = 200

/** The agent that asks: as the request's metadata says, else as its session's id does; empty where neither does. */
export function agentOf({ request, sessionId }: { request: Pick<ChatRequest, 'metadata'>; sessionId: string }): string {
  const told = request.metadata?.['agent']
  return clip(typeof told === 'string' ? told : (AGENT_SESSION.exec(sessionId)?.[1] ?? ''))
}

/** The conversation that a server's client names, else the mount's session. */
export function sessionOf({ request, sessionId }: Pick<ObservedCall, 'request' | 'sessionId'>): string {
  return clip(clientOf(request).session ?? sessionId)
}

/** Who asked a server of ours, as it notes it under `metadata.http_client`. */
function clientOf({ metadata }: Pick<ChatRequest, 'metadata'>): { key?: string; session?: string } {
  const client = metadata?.['http_client']
  return isRecord(client) ? defined({ key: readString(client, 'key'), session: readString(client, 'session') }) : {}
}

const clip = (text: string): string => text.slice(0, LONGEST_NAME)

export interface CallTimes {
  startedAtMs: number
  endedAtMs: number
  firstDeltaAtMs: number | undefined
}

/** The record of a call that has ended. */
export function buildCallRecord(
  call: ObservedCall, { startedAtMs, endedAtMs, firstDeltaAtMs }: CallTimes, { response, error }: { response?: ChatResponse; error?: LLMError },
): UsageRecord {
  const { route, request } = call
  const answer = response ?? error?.partial
  const { input_tokens: input = 0, output_tokens: output = 0, reasoning_tokens, cache_read_tokens, cache_write_tokens, cost_usd } = answer?.usage ?? {}
  const cached = Math.min(input, cache_read_tokens ?? 0)
  return {
    id: call.id, at_ms: endedAtMs, session: sessionOf(call), agent: agentOf(call), key: clip(clientOf(request).key ?? ''), role: clip(route.role ?? ''),
    model: clip(route.served_model === 'unknown' ? route.resolved_model : route.served_model), lane: route.lane ?? '',
    status: error ? 'error' : 'ok', error_type: error?.name ?? '',
    duration_ms: Math.max(0, endedAtMs - startedAtMs), first_delta_ms: firstDeltaAtMs === undefined ? null : Math.max(0, firstDeltaAtMs - startedAtMs),
    fresh_tokens: input - cached, cached_tokens: cached, cache_written_tokens: cache_write_tokens ?? 0, reasoning_tokens: reasoning_tokens ?? 0, output_tokens: output,
    retries: Math.max(0, route.attempts.length - 1), degraded: response?.degradation ? 1 : 0, cache_break: clip((route.cache?.first_difference ?? '').replaceAll(/\[\d+\]/g, '')), cost_usd: cost_usd ?? '',
  }
}
