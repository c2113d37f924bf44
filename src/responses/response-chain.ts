import type { JsonObject } from '../contract/index.js'
import { isRecord, parseJson } from '../lib/index.js'
import type { BuiltRequest } from './request-types.js'
import { canonicalizeItem, type CanonicalItem } from './canonical-item.js'
import { canonicalJson } from './canonical-json.js'

export type ChainPlan =
  /** the server has all items before `fromItem` */
  | { mode: 'delta'; previousResponseId: string; fromItem: number }
  /** everything goes again; the reason is one of {@link ChainReason} or the one that `reset` was given */
  | { mode: 'full'; reason: string }

export type ChainReason =
  | 'no_previous_response'
  | 'no_previous_response_id'
  | 'fields_changed'
  | 'input_shortened'
  | 'input_mismatch'

/** One live connection's memory of its last response. */
export interface ResponseChain {
  /**
   * Whether `built` may go out as its new items alone: all fields are equal to the last request's, and
   * its items begin with the last request's and with what that one's answer becomes in a history.
   * Compares new items only, as far as the others are the same strings.
   */
  plan(built: BuiltRequest): ChainPlan
  /** The response to `built` completed. `doneItems` are the items of its `response.output_item.done` events. */
  completed(built: BuiltRequest, responseId: string | undefined, doneItems: readonly JsonObject[]): void
  /** Forgets the last response; `plan` gives the reason until one completes. */
  reset(reason: string): void
}

interface Link {
  built: BuiltRequest
  responseId: string
  answer: readonly CanonicalItem[]
}

/** Fields in which two requests of a chain may differ. */
const FREE_FIELDS = new Set(['client_metadata', 'stream_options', 'access_programs'])

/** The chain of one line, empty until an answer is completed. */
export function createResponseChain(): ResponseChain {
  let last: Link | undefined
  let reason = 'no_previous_response'
  /** asking twice about one request costs once */
  let planned: { built: BuiltRequest; plan: ChainPlan } | undefined
  const forget = (why: string) => {
    planned = last = undefined
    reason = why
  }
  return {
    plan(built) {
      if (planned?.built !== built) planned = { built, plan: last === undefined ? { mode: 'full', reason } : planAfter(last, built) }
      return planned.plan
    },
    completed(built, responseId, doneItems) {
      if (!responseId) {
        forget('no_previous_response_id')
        return
      }
      const answer = doneItems.map(canonicalizeItem).filter((item) => item !== undefined)
      planned = undefined
      last = { built: { ...built }, responseId, answer: joinTexts(answer) }
    },
    reset: forget,
  }
}

function planAfter(last: Link, built: BuiltRequest): ChainPlan {
  if (findChangedField(last.built.fields, built.fields) !== undefined) return { mode: 'full', reason: 'fields_changed' }
  const fromItem = findNewItems(last, built.items)
  if (typeof fromItem === 'string') return { mode: 'full', reason: fromItem }
  return { mode: 'delta', previousResponseId: last.responseId, fromItem }
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

function findNewItems({ built, answer }: Link, items: readonly string[]): number | ChainReason {
  const sent = built.items
  const shared = Math.min(sent.length, items.length)
  for (let index = 0; index < shared; index += 1) if (items[index] !== sent[index]) return 'input_mismatch'
  if (items.length < sent.length) return 'input_shortened'
  return matchAnswer(answer, items, sent.length)
}

/**
 * Where the answer ends in `items`. Texts are matched by what they say and not by how they are cut
 * into items: a history may join or part them.
 */
function matchAnswer(answer: readonly CanonicalItem[], items: readonly string[], from: number): number | ChainReason {
  let at = from
  for (const expected of answer) {
    let { text } = expected
    if (expected.kind === 'exact' && expected.optional && readItem(items[at])?.text !== text) continue
    do {
      const item = readItem(items[at])
      if (item === undefined) return at >= items.length ? 'input_shortened' : 'input_mismatch'
      if (item.kind !== expected.kind || !text.startsWith(item.text)) return 'input_mismatch'
      if (item.kind === 'exact' && item.text !== text) return 'input_mismatch'
      text = text.slice(item.text.length)
      at += 1
    } while (text !== '')
  }
  return at
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
