/** How the Responses dialect shows an item of an answer, its parts and their places. */
import type { JsonObject, PartPlace, ReasoningProvenance } from '../contract/index.js'
import { isRecord } from '../lib/index.js'
import { itemType } from '../responses/item-types.js'
import { packReasoning } from '../responses/pack-reasoning.js'
import { buildTextPart } from './response-object.js'

/** An item as it was told. */
export interface Item {
  id: string
  index: number
  /** as the wire told it last */
  wire: JsonObject
  /** the parts of it that have begun, in the dialect's own places */
  parts: Set<string>
  /** in the dialect's form; undefined while it grows */
  done: JsonObject | undefined
}

/** The id of an item of a response, from which the response can be told. */
export function buildItemId(responseId: string, type: string, place: string | number): string {
  return `${itemType(type).idPrefix}_${responseId.replace(/^resp_/, '')}_${place}`
}

/** What a type's item looks like before anything has grown in it. */
const EMPTY: Readonly<Record<string, JsonObject>> = {
  message: { content: [] }, reasoning: { summary: [] }, function_call: { arguments: '' }, custom_tool_call: { input: '' }, compaction: { encrypted_content: '' },
}

export function startOf(wire: JsonObject): JsonObject {
  const { encrypted_content: _sealed, ...rest } = wire
  const empty = EMPTY[String(wire['type'])]
  return { ...rest, ...('content' in rest ? { content: [] } : undefined), ...empty }
}

interface Presented {
  id: string
  wire: JsonObject
  status: string
  provenance: ReasoningProvenance | undefined
}

/** An item in the dialect: our id, a state where its kind has one, and encrypted content with whom it is for. */
export function presentItem({ id, wire: { id: wireId, type, status: wireStatus, encrypted_content: sealed, ...rest }, status, provenance }: Presented): JsonObject {
  const hasStatus = wireStatus !== undefined || itemType(String(type)).kind !== 'hosted'
  const shown: JsonObject = { id, type, ...(hasStatus ? { status } : undefined), ...rest }
  if (type === 'message') Object.assign(shown, { role: 'assistant', content: readParts(rest['content']) })
  if (type === 'reasoning') shown['summary'] = Array.isArray(rest['summary']) ? rest['summary'] : []
  if (typeof sealed === 'string') shown['encrypted_content'] = sealed !== '' && provenance && !sealed.startsWith('apr1.') ? packReasoning([sealed, wireId ?? null, { ...provenance }]) : sealed
  return shown
}

function readParts(content: unknown): JsonObject[] {
  const parts = Array.isArray(content) ? content.filter(isRecord) : []
  return parts.map((part) => part['type'] === 'output_text' ? { ...part, annotations: part['annotations'] ?? [], logprobs: part['logprobs'] ?? [] } : part)
}

export const WORDS = {
  text: { text: 'response.output_text', part: 'response.content_part', key: 'content_index' },
  refusal: { text: 'response.refusal', part: 'response.content_part', key: 'content_index' },
  summary: { text: 'response.reasoning_summary_text', part: 'response.reasoning_summary_part', key: 'summary_index' },
  reasoning: { text: 'response.reasoning_text', part: 'response.content_part', key: 'content_index' },
} as const

export function placeOf(item: Pick<Item, 'id' | 'index'>, { kind, index }: PartPlace): JsonObject {
  return { item_id: item.id, output_index: item.index, [WORDS[kind].key]: index }
}

export function emptyPart(kind: PartPlace['kind']): JsonObject {
  if (kind === 'text') return buildTextPart({ text: '' })
  return kind === 'refusal' ? { type: 'refusal', refusal: '' } : { type: kind === 'summary' ? 'summary_text' : 'reasoning_text', text: '' }
}

export function inputWords({ wire }: Pick<Item, 'wire'>): { type: string; key: 'arguments' | 'input' } {
  return wire['type'] === 'custom_tool_call' ? { type: 'response.custom_tool_call_input', key: 'input' } : { type: 'response.function_call_arguments', key: 'arguments' }
}
