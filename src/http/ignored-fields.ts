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
const HARMLESS: Readonly<Record<string, readonly unknown[]>> = {
  truncation: ['disabled'], background: [false], n: [1], logprobs: [false], presence_penalty: [0], frequency_penalty: [0], top_logprobs: [0], temperature: [1], top_p: [1],
  service_tier: ['auto', 'default', 'standard_only'], modalities: [['text']],
}
/** An answer that ignores these would be another one than was asked for. */
const REFUSED: Readonly<Record<string, string>> = {
  conversation: 'conversations are not kept here: continue with previous_response_id',
  background: 'there are no background responses here: stream, or wait for the answer',
  prompt: 'prompt templates are not kept here: send instructions and input',
  n: 'one answer is given at a time: ask again for another',
  audio: 'answers are text here',
  mcp_servers: 'servers of tools are the client\'s to run: define their tools',
  container: 'there are no containers here',
}

type Dialect = 'responses' | 'chat' | 'messages'

/**
 * The fields of a request that are not honoured, by name: the lane would refuse them, or nothing here knows them.
 * @throws HttpFailure 400 for one without which the answer would not be what was asked for
 */
export function findIgnoredFields(body: JsonObject, dialect: Dialect, lane: LaneName): string[] {
  return Object.entries(body).flatMap(([name, value]) => {
    if (value === null || value === undefined || isHarmless(name, value)) return []
    const reason = REFUSED[name]
    if (reason !== undefined) throw badRequest(`${name}: ${reason}`, name)
    if (name === 'service_tier') return toWireTier(lane, String(value)) === undefined ? [name] : []
    if (HONOURED[dialect].has(name)) return []
    return judgeField(lane, WIRE_NAMES[name] ?? name) === 'allowed' ? [] : [name]
  })
}

/** A limit on the answer has another name in each dialect. */
const WIRE_NAMES: Readonly<Record<string, string>> = { max_tokens: 'max_output_tokens', max_completion_tokens: 'max_output_tokens', stop_sequences: 'stop' }

function isHarmless(name: string, value: unknown): boolean {
  if (Array.isArray(value) && value.length === 0) return true
  return HARMLESS[name]?.some((harmless) => JSON.stringify(harmless) === JSON.stringify(value)) ?? false
}
