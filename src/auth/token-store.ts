/** The place a credential is kept, and what can be wrong with it. A host may bring its own. */
import type { LaneName } from '../contract/index.js'

/**
 * What is kept, as JSON. The first six keys are the original module's, so its file works as it is;
 * the rest are ours; keys nobody knows are kept.
 */
export interface StoredRecord {
  /** `oauth` for the codex lane */
  auth_mode?: string
  access_token?: string
  refresh_token?: string | null
  id_token?: string | null
  account_id?: string | null
  plan_type?: string | null
  /** by this machine's clock: ISO 8601, UTC where no zone is given; in plan records seconds since 1970, as the Python module reads them */
  expires_at?: string | number | null
  lane?: LaneName
  /** origin of the server that issued the tokens */
  issuer?: string
  /** origin the tokens were meant to be sent to */
  base_url?: string
  subject?: string
  email?: string
  /** ISO 8601 */
  last_refresh?: string
  client_id?: string
  /** plan lane, as version 0.1.0 wrote it: words with blanks between them */
  scope?: string
  /** plan lane: what was granted */
  scopes?: readonly string[]
  /** ISO 8601 by this machine's clock: refreshing before it burns the token */
  earliest_refresh_at?: string | number | null
  /** plan lane: names this host to the issuer, `urn:uuid:` */
  ext_agent_host_id?: string
  /** the same, as version 0.1.0 wrote it */
  host_id?: string
  /** a refresh that has begun and not been saved; names the cause where its token turns out to be consumed */
  pending_refresh?: PendingRefresh
  [key: string]: unknown
}

/** A record that holds a sign-in. */
export interface StoredCredential extends StoredRecord {
  access_token: string
}

export interface PendingRefresh {
  /** ISO 8601 */
  started_at: string
  /** short hash of the refresh token that was sent */
  token: string
  pid: number
  host: string
  /** the server's answer, where it was that this token is never taken again: the sign-in has ended */
  refused?: { code: string; /** ISO 8601 */ at: string }
}

export type StoreFault = 'missing' | 'empty' | 'corrupt' | 'locked' | 'unreadable' | 'wrong_lane'

export type LoadResult =
  | { state: 'present'; record: StoredCredential }
  | {
      state: StoreFault
      /** names the place, what is wrong and the next command */
      message: string
      /** the system's own word, such as EACCES */
      code?: string
      /** the fault may pass by itself: a server that is not reachable at the moment */
      transient?: boolean
      /** with `empty`: what is known although nobody is signed in, such as an issued client id */
      record?: StoredRecord
    }

/** Held over read, exchange and write. */
export interface StoreLock {
  /** grows with every holder, where the store counts them */
  readonly fence?: number
  /** False as soon as somebody else took the lock because we seemed dead. */
  held(): Promise<boolean>
}

/** The text of a refresh's answer, from its arrival until it is saved. All under the lock. */
export interface ReplyNote {
  /**
   * Keeps it on the disk before it returns, until the next `save`: a process that ends before that leaves it to the next
   * one. After `proveWritable`. Never throws: the answer can still be saved.
   */
  keep(text: string): void
  /** What was kept by a process that ended before it had saved. */
  find(): Promise<string | undefined>
  /** Nothing is to be made of what was kept. */
  forget(): Promise<void>
}

export interface TokenStore {
  /** `file`, `memory`, `keychain`, `redis`, or a host's own word */
  readonly kind: string
  /** names the place in messages, and its single flight in the process */
  readonly place: string
  /** Never throws for the state of what is stored. */
  load(): Promise<LoadResult>
  /**
   * Saves whole or not at all. What was there and could not be read is kept aside, never deleted.
   * Without a `lock` it takes one for itself.
   * @throws TokenStoreError, code `stale_lock` where the lock is no longer ours
   */
  save(record: StoredRecord, options?: { lock?: StoreLock }): Promise<void>
  /** Proves that the next `save` has the rights and the room it needs. @throws TokenStoreError */
  proveWritable(): Promise<void>
  /** Absent where nothing can be kept without waiting. */
  readonly replyNote?: ReplyNote
  /**
   * Runs `work` while no other process runs its own on the same place.
   * @throws TokenStoreError, code `locked` where others held it longer than `waitMs` (default 90,000)
   */
  withLock<Value>(work: (lock: StoreLock) => Promise<Value>, options?: { waitMs?: number }): Promise<Value>
  /** Forgets the sign-in. Without harm where there is none. Without a `lock` it takes one for itself. @throws TokenStoreError */
  clear(options?: { lock?: StoreLock }): Promise<void>
  /**
   * Removes what still may hold a token beside the credential: unfinished writes, and what was kept aside. Without a
   * `lock` it takes one for itself.
   * @returns a line for each copy that is left: its place, and why
   */
  removeCopies?(options?: { lock?: StoreLock }): Promise<readonly string[]>
  /** Lets go of connections, where the store has any. */
  close?(): Promise<void>
}

export type TokenStoreErrorCode = 'locked' | 'stale_lock' | 'unwritable' | 'refused' | 'unreachable' | 'unavailable'

/** A store could not do what it was asked; the message names the place and what to do. */
export class TokenStoreError extends Error {
  override readonly name = 'TokenStoreError'
  readonly code: TokenStoreErrorCode
  constructor(message: string, code: TokenStoreErrorCode, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
  }
}
