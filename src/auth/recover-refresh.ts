import { decodeMoment, formatMoment, isRecord, parseJson, readString, shortHash } from '../lib/index.js'
import { buildRecord } from './build-record.js'
import { registerTokens } from './hide-secrets.js'
import { readTokenReply } from './token-endpoint.js'
import type { Lane } from './lane.js'
import type { StoredCredential, StoreLock, TokenStore } from './token-store.js'
import type { HttpReply } from '../transport/transport.js'

/**
 * What is kept of a refresh's answer before anything is made of it.
 * @param consumed the refresh token that was sent for it
 */
export function describeReply(reply: HttpReply, { consumed, nowMs }: { consumed: string; nowMs: number }): string {
  return JSON.stringify({ consumed: shortHash(consumed), at: formatMoment(nowMs), date: reply.headers['date'], body: reply.body })
}

export interface Recovery {
  lane: Lane
  store: TokenStore
  registerSecret: (secret: string | undefined) => void
}

/**
 * The record that a process was about to save when it ended, saved now: its answer was kept, and the token that was
 * sent for it is still the stored one. `held` where there is no such answer.
 */
export async function recoverRefresh(
  { lane, store, registerSecret }: Recovery, { held, lock }: { held: StoredCredential; lock: StoreLock },
): Promise<StoredCredential> {
  const text = await store.replyNote?.find()
  const kept = text === undefined ? undefined : parseJson(text)
  if (!isRecord(kept) || kept['consumed'] !== shortHash(held.refresh_token ?? '')) return held
  const at = decodeMoment(kept['at'])
  const body = readString(kept, 'body')
  if (at === undefined || body === undefined) return held
  const date = readString(kept, 'date')
  const reply = readTokenReply({ body, headers: date === undefined ? {} : { date } }, at)
  const next = reply === undefined ? undefined : await buildRecord({ lane, reply, previous: held, nowMs: at })
  if (next === undefined) return held
  registerTokens(registerSecret, next)
  await store.save(next, { lock })
  return next
}
