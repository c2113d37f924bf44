import { FileLockError, tidyFileLock, withFileLock as withLock, type FileLockOptions } from '../lib/index.js'
import { TokenStoreError, type StoreLock } from './token-store.js'

export { tidyFileLock }

/** Runs `work` while no other process refreshes or writes the same credentials. @throws TokenStoreError `locked` or `unwritable` */
export async function withFileLock<Value>(options: FileLockOptions, work: (lock: StoreLock) => Promise<Value>): Promise<Value> {
  try {
    return await withLock({ purpose: 'refreshing the sign-in', ...options }, work)
  } catch (error) {
    throw error instanceof FileLockError ? new TokenStoreError(error.message, error.code, error.cause) : error
  }
}
