import type { ChatResponse } from '../contract/index.js'

/** A check's finding; its message is the report's detail. */
export class Finding extends Error {
  override readonly name = 'Finding'
}

/** @throws Finding where the condition does not hold */
export function expectThat(condition: boolean, detail: string): asserts condition {
  if (!condition) throw new Finding(detail)
}

/** Compares as JSON with sorted keys. @throws Finding naming both sides */
export function expectSame(found: unknown, expected: unknown, what: string): void {
  const [left, right] = [toCanonical(found), toCanonical(expected)]
  expectThat(left === right, `${what}: expected ${shorten(right)}, found ${shorten(left)}`)
}

export function toCanonical(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner) ?? 'nothing'
}

export const shorten = (text: string, chars = 160): string => (text.length > chars ? `${text.slice(0, chars)}…` : text)

export const textOf = (response: ChatResponse): string =>
  response.content.map((block) => (block.type === 'text' ? block.text : '')).join('')

export const thoughtOf = (response: ChatResponse): string =>
  response.content.map((block) => (block.type === 'thinking' ? block.thinking : '')).join('')
