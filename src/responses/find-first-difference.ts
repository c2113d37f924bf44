import { isRecord, parseJson } from '../lib/index.js'
import type { BuiltRequest } from './request-types.js'
import { describeItem } from './describe-item.js'
import { isSameValue } from './response-chain.js'

/** What stands before the input in the prompt, and so breaks the cache from the top. */
const BEFORE_INPUT = ['model', 'instructions', 'tools']

/**
 * The first part of `next` that differs from `previous`, as words for a reader: `instructions`,
 * `tools[3] (write_file)`, `reasoning`, `input[12] (user message)`. `undefined` where `next` begins
 * with all of `previous`. Fields come before the input, as they do in the prompt.
 */
export function findFirstDifference(previous: BuiltRequest, next: BuiltRequest): string | undefined {
  const names = new Set([...BEFORE_INPUT, ...Object.keys(previous.fields), ...Object.keys(next.fields)])
  for (const name of names) {
    const before = previous.fields[name]
    const after = next.fields[name]
    if (name === 'client_metadata' || isSameValue(before, after)) continue
    return name === 'tools' ? nameTool(before, after) : name
  }
  const index = previous.items.findIndex((item, at) => next.items[at] !== item)
  if (index === -1) return undefined
  const item = next.items[index]
  const [old, now] = [parseJson(previous.items[index] ?? ''), parseJson(item ?? '')]
  if (isRecord(old) && isRecord(now) && isToolList(old, now)) return `input[${index}].${nameTool(old['tools'], now['tools'])}`
  return item === undefined
    ? `input[${index}] (missing: ${describeItem(previous.items[index])})`
    : `input[${index}] (${describeItem(item)})`
}

function nameTool(before: unknown, after: unknown): string {
  const old: unknown[] = Array.isArray(before) ? before : []
  const now: unknown[] = Array.isArray(after) ? after : []
  const index = Array.from({ length: Math.max(old.length, now.length) }).findIndex((_, at) => !isSameValue(old[at], now[at]))
  const one = old[index]
  const other = now[index]
  if (isRecord(one) && isRecord(other) && isToolList(one, other)) return `tools[${index}].${nameTool(one['tools'], other['tools'])}`
  return other === undefined ? `tools[${index}] (missing: ${describeTool(one)})` : `tools[${index}] (${describeTool(other)})`
}

/** A namespace, or the plan lane's item of tools. */
function isToolList(one: Record<string, unknown>, other: Record<string, unknown>): boolean {
  return (
    Array.isArray(one['tools']) && Array.isArray(other['tools']) && one['type'] === other['type'] && one['name'] === other['name'] && !isSameValue(one['tools'], other['tools'])
  )
}

function describeTool(tool: unknown): string {
  return isRecord(tool) ? String(tool['name'] ?? tool['type']) : 'unknown'
}
