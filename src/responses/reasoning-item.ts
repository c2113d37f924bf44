import type { JsonObject, ReasoningProvenance } from '../contract/index.js'
import { isRecord, readString, wellFormed } from '../lib/index.js'
import { jsonString } from './canonical-json.js'
import type { ReasoningEntry } from './wire-entry.js'

/**
 * The wire's reasoning item for a block with `content: [encrypted_content, item_id, provenance]`;
 * `undefined` where it may not be sent: without encrypted content an id points at what no
 * server stored, and encrypted content that came from another account, lane or model family is
 * refused with the whole request. The readable summary is never sent as text in its place.
 */
export function buildReasoningItem(block: JsonObject, provenance: ReasoningProvenance): ReasoningEntry | undefined {
  const content = block['content']
  if (!Array.isArray(content)) return undefined
  const [encrypted, id, origin] = content as unknown[]
  if (typeof encrypted !== 'string' || encrypted === '' || !isSameOrigin(origin, provenance)) return undefined
  const summary = readSummary(block).map((text) => ({ type: 'summary_text', text: wellFormed(text) }))
  return {
    kind: 'reasoning',
    id: typeof id === 'string' && isReasoningId(id) ? id : undefined,
    rest: `"summary":${JSON.stringify(summary)},"encrypted_content":${jsonString(encrypted)}`,
  }
}

/** An id of another kind of item is refused, and one over 64 characters. */
export function isReasoningId(id: string): boolean {
  return /^rs_[A-Za-z0-9_-]{1,61}$/.test(id)
}

/** True where what was encrypted there can be read here. */
export function isSameOrigin(origin: unknown, provenance: ReasoningProvenance): boolean {
  return (
    isRecord(origin) &&
    origin['account'] === provenance.account &&
    origin['lane'] === provenance.lane &&
    origin['model_family'] === provenance.model_family
  )
}

/** A thinking block's one text, or a reasoning block's parts. */
function readSummary(block: JsonObject): string[] {
  const thinking = readString(block, 'thinking')
  if (thinking !== undefined) return thinking === '' ? [] : [thinking]
  const parts = Array.isArray(block['summary']) ? (block['summary'] as unknown[]) : []
  return parts.flatMap((part) => {
    const text = isRecord(part) ? readString(part, 'text') : part
    return typeof text === 'string' && text !== '' ? [text] : []
  })
}
