/** Files that hold secrets: whole or not there, readable by their owner from the first byte on. */
import { constants } from 'node:fs'
import { lstat, mkdir, open, rename, stat, unlink } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { delay } from '../lib/index.js'

const FILE_MODE = 0o600
const FOLDER_MODE = 0o700
/** Windows answers these while a scanner or an indexer has the file open. */
const PASSING = new Set(['EPERM', 'EACCES', 'EBUSY'])

/** The error's own word, such as ENOENT; undefined where it has none. */
export function systemCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}

/** Where unfinished writes of `path` lie: the same folder, so that the rename is atomic. */
export function temporaryPath(path: string, word: string): string {
  return join(dirname(path), `.${basename(path)}.${word}.tmp`)
}

/**
 * Creates `temporary` with room for `bytes`, on the disk when this answers: what is written into it
 * afterwards needs no more room. Creates the folder where there is none.
 */
export async function reservePrivateFile(temporary: string, bytes: number): Promise<void> {
  await mkdir(dirname(temporary), { recursive: true, mode: FOLDER_MODE })
  const file = await open(temporary, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | noFollow(), FILE_MODE)
  try {
    await file.chmod(FILE_MODE)
    await file.writeFile(' '.repeat(bytes))
    await file.sync()
  } catch (error) {
    await unlink(temporary).catch(() => undefined)
    throw error
  } finally {
    await file.close()
  }
}

/** Writes `text` into a reserved file and puts it in the place of `path`. */
export async function publishPrivateFile(temporary: string, path: string, text: string): Promise<void> {
  const file = await open(temporary, constants.O_WRONLY | noFollow())
  try {
    const { bytesWritten } = await file.write(text, 0)
    await file.truncate(bytesWritten)
    await file.sync()
  } finally {
    await file.close()
  }
  await replace(temporary, path)
  await syncFolder(dirname(path))
}

/** A link where a secret is to be kept may lead into somebody else's file. */
export async function isSymlink(path: string): Promise<boolean> {
  return lstat(path).then((found) => found.isSymbolicLink(), () => false)
}

/**
 * Why a file of secrets at `path` cannot be believed, and the command that mends it: others may put a file of theirs
 * in its place, and what is asked would go out under their account. Nothing is found on Windows, whose access lists
 * these bits don't show.
 * @param fileOwner user id of the file, where there is one
 */
export async function findForeignHand(path: string, fileOwner?: number): Promise<string | undefined> {
  const user = process.geteuid?.()
  if (process.platform === 'win32' || user === undefined) return undefined
  const folder = dirname(path)
  const found = await stat(folder).catch(() => undefined)
  if (found && (found.mode & 0o1002) === 0o002) {
    return `${path} lies in a folder that every user may write to, which is refused for a file of secrets. Run chmod o-w ${quote(folder)}`
  }
  // Root in a container or under sudo, in a home that is another user's as a whole, has chosen to use it.
  const wholeHome = user === 0 && found?.uid === fileOwner
  if (fileOwner === undefined || fileOwner === user || fileOwner === 0 || wholeHome) return undefined
  return `${path} belongs to another user (uid ${fileOwner}), which is refused for a file of secrets. If the sign-in is yours, run sudo chown ${user} ${quote(path)}`
}

/** As one word of a POSIX shell. */
function quote(word: string): string {
  return /^[\w./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`
}

async function replace(from: string, to: string): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await rename(from, to)
      return
    } catch (error) {
      if (process.platform !== 'win32' || attempt === 10 || !PASSING.has(systemCode(error) ?? '')) throw error
      await delay(20 * attempt)
    }
  }
}

/** After a power cut the rename itself must still be there; systems that cannot sync a folder need no help. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, constants.O_RDONLY).catch(() => undefined)
  await handle?.sync().catch(() => undefined)
  await handle?.close()
}

function noFollow(): number {
  return constants.O_NOFOLLOW ?? 0
}
