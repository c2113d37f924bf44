import { isRecord, parseJson } from '../lib/index.js'

/** A wire item in a few words: `user message`, `function_call read`. */
export function describeItem(text: string | undefined): string {
  const item = parseJson(text ?? '')
  if (!isRecord(item)) return 'unknown'
  const type = String(item['type'] ?? 'message')
  if (type === 'message') return `${String(item['role'])} message`
  return typeof item['name'] === 'string' ? `${type} ${item['name']}` : type
}
