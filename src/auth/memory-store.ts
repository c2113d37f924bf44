import { decodeRecord, encodeRecord } from './stored-record.js'
import type { LaneName } from '../contract/index.js'
import type { StoredRecord, TokenStore } from './token-store.js'

export interface MemoryStoreOptions {
  lane: LaneName
  /** what is there from the start */
  record?: StoredRecord
  /** names it in messages and in the process's single flight; default `memory` */
  place?: string
  signIn?: string
}

/** Keeps the credential in this process and nowhere else: for hosts that have it from elsewhere, and for tests. */
export function createMemoryStore(options: MemoryStoreOptions): TokenStore {
  const place = options.place ?? 'memory'
  const signIn = options.signIn ?? 'amplifier-chatgpt login'
  let text = options.record === undefined ? undefined : encodeRecord(options.record)
  let tail: Promise<unknown> = Promise.resolve()
  return {
    kind: 'memory',
    place,
    load: async () => text === undefined
      ? { state: 'missing', message: `nobody is signed in, and ${place} keeps nothing across starts. Run ${signIn}` }
      : decodeRecord(text, { place, lane: options.lane, signIn }),
    async save(record) {
      text = encodeRecord(record)
    },
    async proveWritable() {},
    withLock(work) {
      const turn = tail.then(() => work({ held: async () => true }))
      tail = turn.catch(() => undefined)
      return turn
    },
    async clear() {
      text = undefined
    },
  }
}
