/**
 * The backend's turn state: a word it gives with an answer and wants back with the other requests of the
 * same turn (the tool calls of one user message), and never with another turn's.
 */
import type { ChatRequest } from '../contract/index.js'
import { keepNewest } from '../lib/index.js'

export const TURN_STATE = 'x-codex-turn-state'

const REMEMBERED = 64

/** Remembers the words of the newest 64 conversations of a mount. */
export class TurnStateStore {
  readonly #states = new Map<string, { turn: number; state: string }>()

  get(conversation: string, turn: number): string | undefined {
    const known = this.#states.get(conversation)
    return known?.turn === turn ? known.state : undefined
  }

  /** The first answer of a turn sets it. */
  learn(conversation: string, turn: number, state: string): void {
    if (this.get(conversation, turn) === undefined) keepNewest(this.#states, conversation, { turn, state }, REMEMBERED)
  }
}

/** Which turn of its conversation a request belongs to: every message of the user begins one. */
export function turnOf(request: ChatRequest): number {
  let turn = 0
  for (const message of request.messages) if (message.role === 'user') turn++
  return turn
}
