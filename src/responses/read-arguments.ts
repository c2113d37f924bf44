import type { JsonObject } from '../contract/index.js'
import { isRecord, parseJson } from '../lib/index.js'

/** A tool call's arguments as text; servers that send the object itself are forgiven. */
export function readArgumentsText(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  return value === undefined || value === null ? undefined : JSON.stringify(value)
}

/** What a call's item says it is called with, as text; '' where it says nothing. */
export function readCallText(item: JsonObject): string {
  const [own, other] = item['type'] === 'custom_tool_call' ? ['input', 'arguments'] : ['arguments', 'input']
  return readArgumentsText(item[own as string]) || readArgumentsText(item[other as string]) || ''
}

/** The arguments where the text is a JSON object; no text at all means a call without arguments. */
export function parseArguments(text: string): JsonObject | undefined {
  if (text.trim() === '') return {}
  const value = parseJson(text)
  return isRecord(value) ? value : undefined
}

/** Decoded once, from the whole: a custom tool's text as `input`, what is no JSON object as `_raw`. */
export function decodeArguments(text: string, kind: 'function' | 'custom'): JsonObject {
  if (kind === 'custom') return { input: text }
  return parseArguments(text) ?? { _raw: text }
}

/** The other way round: what was no JSON object goes out as the text it was. */
export function renderArguments(input: JsonObject): string {
  const raw = input['_raw']
  return typeof raw === 'string' && Object.keys(input).length === 1 ? raw : JSON.stringify(input)
}
