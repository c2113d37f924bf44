import { FileLockError, tidyFileLock, withFileLock as withLock, type FileLockOptions } from '../lib/index.js'
import { TokenStoreError, type StoreLock } from './token-store.js'

export { tidyFileLock }

/** Before a step that only the lock's holder may take. @throws TokenStoreError `stale_lock` */
export async function refuseStale(place: string, lock: StoreLock): Promise<void> {
  if (!(await lock.held())) throw new TokenStoreError(`${place}: another process took the lock, because this one stood still`, 'stale_lock')
}

/** Runs `work` while no other process refreshes or writes the same credentials. @throws TokenStoreError `locked` or `unwritable` */
export async function withFileLock<Value>(options: FileLockOptions, work: (lock: StoreLock) => Promise<Value>): Promise<Value> {
  try {
    return await withLock({ purpose: 'refreshing the sign-in', ...options }, work)
  } catch (error) {
    throw error instanceof FileLockError ? new TokenStoreError(error.message, error.code, error.cause) : error
  }
}
