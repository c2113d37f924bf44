import type { JsonObject } from '../contract/index.js'
import { isRecord } from '../lib/index.js'

/** What a response says of its request: each field as it was given, else its default. */
export function buildEcho(body: JsonObject): JsonObject {
  const { text, reasoning } = body
  const plain = Object.fromEntries(PLAIN.filter((name) => body[name] !== undefined && body[name] !== null).map((name) => [name, body[name]]))
  return {
    ...plain,
    store: body.store !== false,
    tools: Array.isArray(body.tools) ? body.tools.map(describeTool) : [],
    text: { format: { type: 'text' }, ...(isRecord(text) ? text : {}) },
    reasoning: { effort: null, summary: null, ...(isRecord(reasoning) ? reasoning : {}) },
  }
}

const PLAIN = [
  'instructions', 'metadata', 'parallel_tool_calls', 'max_output_tokens', 'max_tool_calls', 'temperature', 'top_p', 'presence_penalty', 'frequency_penalty',
  'top_logprobs', 'truncation', 'safety_identifier', 'prompt_cache_key', 'tool_choice', 'previous_response_id', 'user',
]

/** A function has all its fields on the way back. */
function describeTool(tool: unknown): unknown {
  if (!isRecord(tool) || tool.type !== 'function') return tool
  return { type: 'function', name: tool.name, description: tool.description ?? null, parameters: tool.parameters ?? null, strict: tool.strict ?? false }
}
