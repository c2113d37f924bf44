import { delay, shortHash, startElapsed } from '../lib/index.js'
import { judgeExpiry, judgeFreshness } from './freshness.js'
import { loadUsable, saveRefreshed, type RefreshContext } from './refresh-transaction.js'
import type { StoredCredential } from './token-store.js'

/** What one source holds between calls. */
export interface Held {
  record?: StoredCredential
  /** saved by nobody yet: the refresh token that was consumed for the record */
  unsaved?: { consumed: string }
  /** ms since a refresh ahead of expiry failed */
  failedFor?: () => number
}

/** After a refresh ahead of expiry has failed, calls go on with what they have and don't try again for so long. */
const PAUSE_MS = 30_000

export interface SelectorParts {
  context: RefreshContext
  held: Held
  keep: (record: StoredCredential) => Promise<StoredCredential>
  refresh: () => Promise<StoredCredential>
  aheadWaitMs: number
}

/** Decides which record serves a call. */
export function createCredentialSelector({ context, held, keep, refresh, aheadWaitMs }: SelectorParts) {
  const { now, rejected, store } = context
  const isRejected = (record: StoredCredential) => rejected.size > 0 && rejected.has(shortHash(record.access_token))
  const judge = async (record: StoredCredential | undefined) =>
    record === undefined || isRejected(record) ? 'expired' : judgeFreshness(record, now())

  const refreshAhead = async (serving: StoredCredential): Promise<StoredCredential> => {
    if (held.failedFor && held.failedFor() < PAUSE_MS) return serving
    const patience = new AbortController()
    const flight = refresh().catch((error: unknown) => {
      held.failedFor = startElapsed(now)
      context.warn(`the sign-in could not be refreshed ahead of its expiry: ${error instanceof Error ? error.message : String(error)}`)
      return serving
    })
    const late = delay(aheadWaitMs, { signal: patience.signal }).then(() => serving, () => serving)
    return Promise.race([flight, late]).finally(() => patience.abort())
  }

  /** A store that is away for the moment ends no call whose token still serves. */
  const loadOrKeep = async (): Promise<StoredCredential> => {
    try {
      return await loadUsable(context)
    } catch (error) {
      if (held.record === undefined || (await judge(held.record)) === 'expired') throw error
      return held.record
    }
  }

  const choose = async (): Promise<StoredCredential> => {
    const late = await saveLate(context, held)
    if (late !== undefined) return keep(late)
    const stored = await loadOrKeep()
    switch (await judge(stored)) {
      case 'fresh':
        return keep(stored)
      case 'aging':
        return keep(await refreshAhead(stored))
      case 'expired':
        return keep(await refresh())
    }
  }
  return {
    /** Whether this is what `current` would answer, its expiry being known. */
    serves(record: StoredCredential, expiresAtMs: number | undefined): boolean {
      if (record !== held.record || held.unsaved || isRejected(record)) return false
      return judgeExpiry(record, expiresAtMs, now()) === 'fresh'
    },
    async current(): Promise<StoredCredential> {
      if (held.record && !held.unsaved && (await judge(held.record)) === 'fresh') return held.record
      return choose()
    },
    async replace(): Promise<StoredCredential> {
      const found = await store.load()
      if (found.state === 'present' && (await judge(found.record)) !== 'expired') return keep(await loadUsable(context))
      return keep(await refresh())
    },
  }
}

/** A refreshed record that nobody could save serves as long as it lasts, and every call tries to save it. */
async function saveLate(context: RefreshContext, held: Held): Promise<StoredCredential | undefined> {
  const { record, unsaved } = held
  if (!record || !unsaved) return undefined
  const outcome = await saveRefreshed({ ...context, warn: () => undefined, delay: async () => undefined }, { next: record, consumed: unsaved.consumed })
  if (outcome.unsaved !== undefined) return (await judgeFreshness(record, context.now())) === 'expired' ? undefined : record
  delete held.unsaved
  return undefined
}
