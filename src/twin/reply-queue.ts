import { isRefusalReply } from './compute-answer.js'
import type { TwinReply, TwinRequest } from './types.js'

export type ReplyUse = 'turn' | 'warmup' | 'upgrade'

export interface ReplyQueue {
  push(replies: readonly TwinReply[]): void
  /** The first reply that fits, taken out. */
  take(request: TwinRequest, use: ReplyUse, items?: readonly Record<string, unknown>[]): TwinReply | undefined
  withdraw(replies: readonly TwinReply[]): void
  size(): number
}

const useOf = (reply: TwinReply): ReplyUse => {
  if (isRefusalReply(reply) && reply.upgrade === true) return 'upgrade'
  return reply.warmup === true ? 'warmup' : 'turn'
}

export function createReplyQueue(): ReplyQueue {
  const queue: TwinReply[] = []
  return {
    push: (replies) => void queue.push(...replies),
    take(request, use, items = []) {
      const index = queue.findIndex((reply) => useOf(reply) === use && (reply.match === undefined || reply.match(request, items)))
      return index === -1 ? undefined : queue.splice(index, 1)[0]
    },
    withdraw(replies) {
      for (const reply of replies) {
        const index = queue.indexOf(reply)
        if (index !== -1) queue.splice(index, 1)
      }
    },
    size: () => queue.length,
  }
}
