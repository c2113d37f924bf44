import { randomBytes } from 'node:crypto'
import { lstat } from 'node:fs/promises'
import { findForeignHand, publishPrivateFile, reservePrivateFile, systemCode, temporaryPath } from '../auth/index.js'
import { ConfigurationError } from '../contract/index.js'
import { readPlainFile, withFileLock } from '../lib/index.js'

const MAX_BYTES = 1024 * 1024

/** A small file of mode 0600 that only its owner may have written. */
export interface PrivateText {
  /** undefined where there is none. @throws ConfigurationError where another user's hand is in it */
  read(): Promise<string | undefined>
  /**
   * Replaces the text as a whole, alone among processes; undefined leaves it as it is.
   * @param change is given the text there is
   * @returns the text that now stands
   */
  update(change: (text: string | undefined) => string | undefined): Promise<string | undefined>
}

export function createPrivateText(path: string): PrivateText {
  const read = async (): Promise<string | undefined> => {
    const found = await lstat(path).catch((error: unknown) => {
      if (systemCode(error) === 'ENOENT') return undefined
      throw error
    })
    const foreign = await findForeignHand(path, found?.uid)
    if (foreign !== undefined) throw new ConfigurationError(foreign, { code: 'foreign_file' })
    if (!found) return undefined
    if (!found.isFile()) throw new ConfigurationError(`${path} is no regular file: move away what stands there`, { code: 'foreign_file' })
    if (process.platform !== 'win32' && (found.mode & 0o077) !== 0) throw new ConfigurationError(`${path} can be read or written by other users. Run chmod 600 ${path}`, { code: 'open_file' })
    return readPlainFile(path, { maxBytes: MAX_BYTES })
  }
  return {
    read,
    update: (change) => withFileLock({ folder: `${path}.queue`, place: path }, async () => {
      const before = await read()
      const after = change(before)
      if (after === undefined || after === before) return before
      const temporary = temporaryPath(path, randomBytes(6).toString('hex'))
      await reservePrivateFile(temporary, Buffer.byteLength(after))
      await publishPrivateFile(temporary, path, after)
      return after
    }),
  }
}
