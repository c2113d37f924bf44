/**
 * The backend's turn state: a word it gives with an answer and wants back with the other requests of the
 * same turn (the tool calls of one user message), and never with another turn's.
 */
import type { ChatRequest } from '../contract/index.js'

export const TURN_STATE = 'x-codex-turn-state'

export interface TurnStateStore {
  get(conversation: string, turn: number): string | undefined
  learn(conversation: string, turn: number, state: string): void
}

const REMEMBERED = 64

/** Remembers the words of the newest 64 conversations of a mount. */
export function createTurnStateStore(): TurnStateStore {
  const states = new Map<string, { turn: number; state: string }>()
  return {
    get(conversation, turn) {
      const known = states.get(conversation)
      return known?.turn === turn ? known.state : undefined
    },
    learn(conversation, turn, state) {
      const known = states.get(conversation)
      // The first answer of a turn sets it.
      if (known?.turn === turn) return
      states.delete(conversation)
      states.set(conversation, { turn, state })
      if (states.size <= REMEMBERED) return
      const [oldest] = states.keys()
      if (oldest !== undefined) states.delete(oldest)
    },
  }
}

/** Which turn of its conversation a request belongs to: every message of the user begins one. */
export function turnOf(request: ChatRequest): number {
  let turn = 0
  for (const message of request.messages) if (message.role === 'user') turn++
  return turn
}
