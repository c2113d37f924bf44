/** What a person would read off a request's items. Pure. */
import { isRecord } from '../lib/index.js'

export function textOfParts(content: unknown): string {
  if (typeof content === 'string') return content
  if (!Array.isArray(content)) return ''
  const texts = content.map((part: unknown) => (isRecord(part) && typeof part['text'] === 'string' ? part['text'] : ''))
  return texts.filter((text) => text !== '').join('\n')
}

export function countImages(content: unknown): number {
  return Array.isArray(content) ? content.filter((part: unknown) => isRecord(part) && part['type'] === 'input_image').length : 0
}

const isMessage = (item: Record<string, unknown>) => item['type'] === 'message' || (item['type'] === undefined && item['role'] !== undefined)

export function findLastUserMessage(items: readonly Record<string, unknown>[]): Record<string, unknown> | undefined {
  return items.findLast((item) => isMessage(item) && item['role'] === 'user')
}

/** The tool outputs at the very end, each with the name of its tool; empty where the input ends otherwise. */
export function readTrailingOutputs(items: readonly Record<string, unknown>[]): { name: string; output: string }[] {
  const outputs: { callId: unknown; output: string }[] = []
  // Loops append developer messages of their own behind what a tool gave.
  const last = items.findLastIndex(({ role }) => role !== 'developer' && role !== 'system')
  for (let index = last; index >= 0; index--) {
    const item = items[index]
    if (!item || !String(item['type']).endsWith('_output')) break
    outputs.unshift({ callId: item['call_id'], output: textOfParts(item['output']) })
  }
  if (outputs.length === 0) return []
  const names = new Map(items.map((item) => [item['call_id'], item['name']]).filter(([, name]) => name !== undefined) as [unknown, unknown][])
  return outputs.map(({ callId, output }) => ({ name: String(names.get(callId) ?? 'tool'), output }))
}

/** The JSON value that starts at `start` of `text` (white space before it allowed), as text; undefined where there is none. */
export function readJsonAt(text: string, start: number): { json: string; end: number } | undefined {
  const from = start + (/^\s*/.exec(text.slice(start))?.[0].length ?? 0)
  if (text[from] !== '{' && text[from] !== '[') return undefined
  let depth = 0
  let quoted = false
  for (let index = from; index < text.length; index++) {
    const character = text[index]
    if (quoted) {
      if (character === '\\') index++
      else if (character === '"') quoted = false
    } else if (character === '"') quoted = true
    else if (character === '{' || character === '[') depth++
    else if (character === '}' || character === ']') {
      depth--
      if (depth === 0) return { json: text.slice(from, index + 1), end: index + 1 }
    }
  }
  return undefined
}
