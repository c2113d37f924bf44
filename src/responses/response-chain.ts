import type { JsonObject } from '../contract/index.js'
import { isRecord, parseJson } from '../lib/index.js'
import type { BuiltRequest } from './request-types.js'
import { canonicalizeItem, type CanonicalItem } from './canonical-item.js'
import { canonicalJson } from './canonical-json.js'
import { describeItem } from './describe-item.js'

export type ChainPlan =
  /** the server has all items before `fromItem` */
  | { mode: 'delta'; previousResponseId: string; fromItem: number; /** temporary messages that it has beside them */ beside?: number }
  /** everything goes again; the reason is one of {@link ChainReason} or the one that `reset` was given, `at` the item that decided */
  | { mode: 'full'; reason: string; at?: string }

export type ChainReason =
  | 'no_previous_response'
  | 'no_previous_response_id'
  | 'fields_changed'
  | 'input_shortened'
  | 'input_mismatch'

interface Link {
  built: BuiltRequest
  responseId: string
  answer: readonly CanonicalItem[]
}

/** Fields in which two requests of a chain may differ. */
const FREE_FIELDS = new Set(['client_metadata', 'stream_options', 'access_programs'])

/** One live connection's memory of its last response, empty until an answer is completed. */
export class ResponseChain {
  readonly #lenient: boolean
  #last: Link | undefined
  #reason = 'no_previous_response'
  /** asking twice about one request costs once */
  #planned: { built: BuiltRequest; plan: ChainPlan } | undefined

  /** @param lenient developer messages of the last request may be missing from the next one: the server goes on seeing them */
  constructor({ lenient = false }: { lenient?: boolean } = {}) {
    this.#lenient = lenient
  }

  /**
   * Whether `built` may go out as its new items alone: all fields are equal to the last request's, and
   * its items begin with the last request's and with what that one's answer becomes in a history.
   * Compares new items only, as far as the others are the same strings.
   */
  plan(built: BuiltRequest): ChainPlan {
    if (this.#planned?.built !== built) this.#planned = { built, plan: this.#last === undefined ? { mode: 'full', reason: this.#reason } : planAfter(this.#last, built, this.#lenient) }
    return this.#planned.plan
  }

  /** The response to `built` completed. `doneItems` are the items of its `response.output_item.done` events. */
  completed(built: BuiltRequest, responseId: string | undefined, doneItems: readonly JsonObject[]): void {
    if (!responseId) return this.reset('no_previous_response_id')
    const answer = doneItems.map(canonicalizeItem).filter((item) => item !== undefined)
    this.#planned = undefined
    this.#last = { built: { ...built }, responseId, answer: joinTexts(answer) }
  }

  /** Forgets the last response; `plan` gives the reason until one completes. */
  reset(reason: string): void {
    this.#planned = this.#last = undefined
    this.#reason = reason
  }
}

function planAfter(last: Link, built: BuiltRequest, lenient: boolean): ChainPlan {
  const field = findChangedField(last.built.fields, built.fields)
  if (field !== undefined) return { mode: 'full', reason: 'fields_changed', at: field }
  const { from, beside } = findSent(last.built.items, built.items, lenient)
  const fromItem = typeof from === 'number' ? matchAnswer(last.answer, built.items, from) : from
  if (typeof fromItem === 'number') return { mode: 'delta', previousResponseId: last.responseId, fromItem, ...(beside > 0 && { beside }) }
  const compacted = matchCompacted(last.answer, built.items)
  if (compacted !== undefined) return { mode: 'delta', previousResponseId: last.responseId, fromItem: compacted }
  return { mode: 'full', reason: fromItem.reason, at: fromItem.at }
}

/** The first field in which the two differ, those left aside that don't matter to a chain. */
function findChangedField(previous: JsonObject, next: JsonObject): string | undefined {
  const names = new Set([...Object.keys(previous), ...Object.keys(next)])
  for (const name of names) {
    if (!FREE_FIELDS.has(name) && !isSameValue(previous[name], next[name])) return name
  }
  return undefined
}

export function isSameValue(one: unknown, other: unknown): boolean {
  if (one === other) return true
  if (typeof one !== 'object' || typeof other !== 'object') return false
  return canonicalJson(one) === canonicalJson(other)
}

interface Mismatch {
  reason: ChainReason
  at: string
}

/** Where in `items` those that were sent end, and how many of them are missing there although the chain goes on. */
function findSent(sent: readonly string[], items: readonly string[], lenient: boolean): { from: number | Mismatch; beside: number } {
  let at = 0
  let beside = 0
  for (let index = 0; index < sent.length; index += 1) {
    if (items[at] === sent[index]) at += 1
    else if (lenient && isTemporary(sent[index])) beside += 1
    else return { from: { reason: at >= items.length ? 'input_shortened' : 'input_mismatch', at: nameMissing(index, sent[index], items[at]) }, beside }
  }
  return { from: at, beside }
}

/** Loops put what is true for one turn only into developer messages: reminders, the time, a list of tasks. */
function isTemporary(text: string | undefined): boolean {
  const item = parseJson(text ?? '')
  return isRecord(item) && item['type'] === 'message' && item['role'] === 'developer'
}

/** A developer message that something else stands in place of has been taken away; else the newcomer is what decided. */
function nameMissing(index: number, sent: string | undefined, found: string | undefined): string {
  return isTemporary(sent) || found === undefined ? `input[${index}] (missing: ${describeItem(sent)})` : nameItem(index, found)
}

function nameItem(index: number, text: string | undefined): string {
  return `input[${index}] (${describeItem(text)})`
}

/**
 * Where the answer ends in `items`. Texts are matched by what they say and not by how they are cut
 * into items: a history may join or part them.
 */
function matchAnswer(answer: readonly CanonicalItem[], items: readonly string[], from: number): number | Mismatch {
  let at = from
  const mismatch = (reason: ChainReason): Mismatch => ({ reason, at: nameItem(at, items[at]) })
  for (const expected of answer) {
    let { text } = expected
    if (expected.kind === 'exact' && expected.optional && readItem(items[at])?.text !== text) continue
    do {
      const item = readItem(items[at])
      if (item === undefined) return mismatch(at >= items.length ? 'input_shortened' : 'input_mismatch')
      if (item.kind !== expected.kind || !text.startsWith(item.text)) return mismatch('input_mismatch')
      if (item.kind === 'exact' && item.text !== text) return mismatch('input_mismatch')
      text = text.slice(item.text.length)
      at += 1
    } while (text !== '')
  }
  return at
}

/** Where the answer ends in a history that begins with the compaction in it; undefined for any other history. */
function matchCompacted(answer: readonly CanonicalItem[], items: readonly string[]): number | undefined {
  const from = answer.findLastIndex((item) => item.kind === 'exact' && item.compacts)
  const [first] = items
  if (from === -1 || readItem(first)?.text !== answer[from]?.text) return undefined
  const end = matchAnswer(answer.slice(from), items, 0)
  return typeof end === 'number' ? end : undefined
}

function readItem(text: string | undefined): CanonicalItem | undefined {
  const item = text === undefined ? undefined : parseJson(text)
  return isRecord(item) ? canonicalizeItem(item) : undefined
}

function joinTexts(items: readonly CanonicalItem[]): CanonicalItem[] {
  const joined: CanonicalItem[] = []
  for (const item of items) {
    const before = joined.at(-1)
    if (item.kind === 'text' && before?.kind === 'text') joined[joined.length - 1] = { kind: 'text', text: before.text + item.text }
    else joined.push(item)
  }
  return joined
}
