/**
 * The backend's turn state: a word it gives with an answer and wants back with the other requests of the
 * same turn (the tool calls of one user message), and never with another turn's.
 */
import type { ChatRequest } from '../contract/index.js'
import { keepNewest } from '../lib/index.js'

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
      keepNewest(states, conversation, { turn, state }, REMEMBERED)
    },
  }
}

/** Which turn of its conversation a request belongs to: every message of the user begins one. */
export function turnOf(request: ChatRequest): number {
  let turn = 0
  for (const message of request.messages) if (message.role === 'user') turn++
  return turn
}
