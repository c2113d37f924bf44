import type { JsonObject, LaneName } from '../contract/index.js'
import { judgeField, toWireTier } from '../dialects/index.js'
import { badRequest } from './http-failure.js'

/** Fields that are honoured here, whatever the lane: by what is sent, by the answer, or by the store. */
const HONOURED: Readonly<Record<Dialect, ReadonlySet<string>>> = {
  responses: new Set([
    'model', 'input', 'instructions', 'tools', 'tool_choice', 'stream', 'stream_options', 'store', 'previous_response_id', 'metadata', 'text', 'reasoning',
    'prompt_cache_key', 'include', 'parallel_tool_calls', 'service_tier', 'type', 'generate', 'client_metadata',
  ]),
  chat: new Set([
    'model', 'messages', 'tools', 'tool_choice', 'functions', 'function_call', 'stream', 'stream_options', 'metadata', 'response_format', 'reasoning_effort',
    'verbosity', 'prompt_cache_key', 'parallel_tool_calls', 'service_tier', 'store', 'reasoning',
  ]),
  messages: new Set(['model', 'messages', 'system', 'tools', 'tool_choice', 'stream', 'metadata', 'thinking', 'output_config', 'output_format', 'cache_control']),
}
/** What asks for nothing that would not happen anyway. */
const HARMLESS: ReadonlyMap<string, readonly unknown[]> = new Map(Object.entries({
  truncation: ['disabled'], background: [false], n: [1], logprobs: [false], presence_penalty: [0], frequency_penalty: [0], top_logprobs: [0], temperature: [1], top_p: [1],
  service_tier: ['auto', 'default', 'standard_only'], modalities: [['text']],
}))
/** An answer that ignores these would be another one than was asked for. */
const REFUSED: ReadonlyMap<string, string> = new Map(Object.entries({
  conversation: 'conversations are not kept here: continue with previous_response_id',
  background: 'there are no background responses here: stream, or wait for the answer',
  prompt: 'prompt templates are not kept here: send instructions and input',
  n: 'one answer is given at a time: ask again for another',
  audio: 'answers are text here',
  mcp_servers: 'servers of tools are the client\'s to run: define their tools',
  container: 'there are no containers here',
}))

type Dialect = 'responses' | 'chat' | 'messages'

/**
 * The fields of a request that are not honoured, by name, the first 20 of them: the lane would refuse them, or nothing here knows them.
 * @throws HttpFailure 400 for one without which the answer would not be what was asked for
 */
export function findIgnoredFields(body: JsonObject, dialect: Dialect, lane: LaneName): string[] {
  return shorten(Object.entries(body).flatMap(([name, value]) => {
    if (value === null || value === undefined || isHarmless(name, value)) return []
    const reason = REFUSED.get(name)
    if (reason !== undefined) throw badRequest(`${name}: ${reason}`, name)
    if (name === 'service_tier') return toWireTier(lane, String(value)) === undefined ? [name] : []
    if (HONOURED[dialect].has(name)) return []
    return judgeField(lane, WIRE_NAMES.get(name) ?? name) === 'allowed' ? [] : [name]
  }))
}

/** They go into a header, and whoever asks chooses the names: clients end at heads of 16 KB. */
const MOST_NAMES = 20
const LONGEST_NAME = 60

function shorten(names: readonly string[]): string[] {
  const shown = names.slice(0, MOST_NAMES).map((name) => (name.length > LONGEST_NAME ? `${name.slice(0, LONGEST_NAME)}...` : name))
  return names.length > MOST_NAMES ? [...shown, `and ${names.length - MOST_NAMES} more`] : shown
}

/** A limit on the answer has another name in each dialect. */
const WIRE_NAMES: ReadonlyMap<string, string> = new Map([['max_tokens', 'max_output_tokens'], ['max_completion_tokens', 'max_output_tokens'], ['stop_sequences', 'stop']])

function isHarmless(name: string, value: unknown): boolean {
  if (Array.isArray(value) && value.length === 0) return true
  return HARMLESS.get(name)?.some((harmless) => JSON.stringify(harmless) === JSON.stringify(value)) ?? false
}
