import { parseJson } from '../lib/index.js'

const MARK = 'apr1.'

/**
 * A thinking block's `content` (encrypted reasoning, item id, provenance) as one opaque text, for
 * dialects whose reasoning item has room for nothing but `encrypted_content`.
 */
export function packReasoning(content: readonly unknown[]): string {
  return MARK + Buffer.from(JSON.stringify(content), 'utf8').toString('base64url')
}

/** What {@link packReasoning} packed; undefined for a text that it did not make. */
export function unpackReasoning(text: string): unknown[] | undefined {
  if (!text.startsWith(MARK)) return undefined
  const content = parseJson(Buffer.from(text.slice(MARK.length), 'base64url').toString('utf8'))
  return Array.isArray(content) ? (content as unknown[]) : undefined
}
