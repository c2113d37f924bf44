import { isRecord, readString } from '../lib/index.js'

/** An event of the wire, known to `decodeEvent` or not. */
export interface TypedEvent {
  readonly type: string
}

/** What one connection remembers of its ended answers, so that what still comes of them is given to no other. */
export interface ConnectionMemory {
  readonly responses: Set<string>
  /** ids of the items of the last answers */
  readonly items: Set<string>
  /** events that were dropped because they belong to an ended or unknown response */
  dropped: number
}

/** Holds each event of one answer against the response it belongs to. */
export interface AnswerGuard {
  /** False for what belongs to another response. @throws NotAttributable where nothing can tell */
  admits(event: TypedEvent): boolean
  /** The answer has ended. */
  ended(): void
  /** Something of an answer was dropped that may have been this one's: there is no proof any more that the request was not taken. */
  readonly mayHaveBegun: boolean
}

export class NotAttributable extends Error {
  override readonly name = 'NotAttributable'
}

const REMEMBERED_ITEMS = 1024
const ENDS: ReadonlySet<string> = new Set(['response.completed', 'response.done', 'response.incomplete', 'response.cancelled'])
/** Said of the connection or the account, at any time. */
const OF_NO_ANSWER: ReadonlySet<string> = new Set(['codex.rate_limits', 'codex.response.metadata', 'response.metadata'])

export function createConnectionMemory(): ConnectionMemory {
  return { responses: new Set(), items: new Set(), dropped: 0 }
}

/** Whether a frame's event, coming after the end of an answer, goes on with it. */
export function goesOn(value: unknown): boolean {
  const type = isRecord(value) ? readString(value, 'type') : undefined
  return type !== undefined && (type === 'error' || type.startsWith('response.')) && !OF_NO_ANSWER.has(type)
}

/** @param memory of the connection that the answer shares with others; without one all that comes is this answer's or none's */
export function createAnswerGuard(memory?: ConnectionMemory): AnswerGuard {
  return memory ? new SharedGuard(memory) : new LoneGuard()
}

/** A stream of its own: only a response under another id is not this one. */
class LoneGuard implements AnswerGuard {
  mayHaveBegun = false
  #current: string | undefined

  admits(event: TypedEvent): boolean {
    const id = readResponseId(event)
    const own = id === undefined || id === (this.#current ??= id)
    this.mayHaveBegun ||= !own
    return own
  }

  ended(): void {}
}

/** A stream on a connection that carried others: what is theirs is told by ids. */
class SharedGuard implements AnswerGuard {
  mayHaveBegun = false
  readonly #memory: ConnectionMemory
  readonly #first: boolean
  /** of this answer; a list, since it is empty while most answers are waited for, and short after */
  readonly #items: string[] = []
  #current: string | undefined
  #replayed = false

  constructor(memory: ConnectionMemory) {
    this.#memory = memory
    this.#first = memory.responses.size === 0
  }

  admits(event: TypedEvent): boolean {
    const id = readResponseId(event)
    const own = id === undefined ? this.#ownsItem(event) : this.#ownsResponse(id, event)
    if (!own) this.#memory.dropped++
    return own
  }

  ended(): void {
    const { responses, items } = this.#memory
    if (this.#current !== undefined) responses.add(this.#current)
    if (items.size > REMEMBERED_ITEMS) items.clear()
    for (const item of this.#items) items.add(item)
  }

  #ownsResponse(id: string, { type }: TypedEvent): boolean {
    const { responses } = this.#memory
    if (this.#current !== undefined) {
      this.mayHaveBegun ||= id !== this.#current && !responses.has(id)
      return id === this.#current
    }
    if (!responses.has(id)) {
      this.#current = id
      return true
    }
    // A whole answer under the id of one that has ended may be ours or a repetition of the other.
    if (this.#replayed && ENDS.has(type)) throw new NotAttributable('the answer came under the id of one that had ended')
    this.#replayed ||= type === 'response.created'
    return false
  }

  #ownsItem(event: TypedEvent): boolean {
    const { type } = event
    if (type === 'error' || type === 'response.failed' || OF_NO_ANSWER.has(type)) return true
    const item = readItemId(event)
    const isOthers = item !== undefined && this.#memory.items.has(item)
    if (!this.#first && this.#current === undefined) {
      if (ENDS.has(type)) throw new NotAttributable('an answer ended without an id, on a connection that carried others')
      this.mayHaveBegun ||= !isOthers
      return false
    }
    if (item === undefined) return true
    if (type === 'response.output_item.added') this.#items.push(item)
    return this.#first || !isOthers || this.#items.includes(item)
  }
}

function readResponseId(event: TypedEvent): string | undefined {
  const fields = event as unknown as Record<string, unknown>
  const response = fields['response']
  return (isRecord(response) ? readString(response, 'id') : undefined) ?? readString(fields, 'response_id')
}

function readItemId(event: TypedEvent): string | undefined {
  const fields = event as unknown as Record<string, unknown>
  const item = fields['item']
  return readString(fields, 'item_id') ?? (isRecord(item) ? readString(item, 'id') : undefined)
}
