import { isRefusalReply } from './compute-answer.js'
import type { TwinReply, TwinRequest } from './types.js'

export type ReplyUse = 'turn' | 'warmup' | 'upgrade'

export interface ReplyQueue {
  push(replies: readonly TwinReply[]): void
  /** The first reply that fits, taken out. */
  take(request: TwinRequest, use: ReplyUse): TwinReply | undefined
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
    take(request, use) {
      const index = queue.findIndex((reply) => useOf(reply) === use && (reply.match === undefined || reply.match(request)))
      return index === -1 ? undefined : queue.splice(index, 1)[0]
    },
    size: () => queue.length,
  }
}
