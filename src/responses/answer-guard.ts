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

/**
 * Whose an event is: `unknown` where it is not this answer's as far as can be told, and of none that has ended, so that
 * there is no proof any more that the request was not taken.
 */
export type Owner = 'own' | 'ended' | 'unknown'

/** Holds each event of one answer against the response it belongs to. */
export interface AnswerGuard {
  /** @throws NotAttributable where nothing can tell, and it matters */
  ownerOf(event: TypedEvent): Owner
  /** The answer has ended. */
  ended(): void
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
  #current: string | undefined

  ownerOf(event: TypedEvent): Owner {
    const id = readResponseId(event)
    return id === undefined || id === (this.#current ??= id) ? 'own' : 'unknown'
  }

  ended(): void {}
}

/** A stream on a connection that carried others: what is theirs is told by ids. */
class SharedGuard implements AnswerGuard {
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

  ownerOf(event: TypedEvent): Owner {
    const id = readResponseId(event)
    const owner = id === undefined ? this.#ownerOfItem(event) : this.#ownerOfResponse(id, event)
    if (owner !== 'own') this.#memory.dropped++
    return owner
  }

  ended(): void {
    const { responses, items } = this.#memory
    if (this.#current !== undefined) responses.add(this.#current)
    if (items.size > REMEMBERED_ITEMS) items.clear()
    for (const item of this.#items) items.add(item)
  }

  #ownerOfResponse(id: string, { type }: TypedEvent): Owner {
    const hasEnded = this.#memory.responses.has(id)
    if (this.#current !== undefined || !hasEnded) {
      this.#current ??= id
      if (id === this.#current) return 'own'
      return hasEnded ? 'ended' : 'unknown'
    }
    // A whole answer under the id of one that has ended may be ours or a repetition of the other.
    if (this.#replayed && ENDS.has(type)) throw new NotAttributable('the answer came under the id of one that had ended')
    this.#replayed ||= type === 'response.created'
    return 'ended'
  }

  #ownerOfItem(event: TypedEvent): Owner {
    const { type } = event
    if (type === 'error' || type === 'response.failed' || OF_NO_ANSWER.has(type)) return 'own'
    const item = readItemId(event)
    const isOthers = item !== undefined && this.#memory.items.has(item)
    if (!this.#first && this.#current === undefined) {
      if (ENDS.has(type)) throw new NotAttributable('an answer ended without an id, on a connection that carried others')
      return isOthers ? 'ended' : 'unknown'
    }
    if (item === undefined) return 'own'
    if (type === 'response.output_item.added') this.#items.push(item)
    return this.#first || !isOthers || this.#items.includes(item) ? 'own' : 'ended'
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
