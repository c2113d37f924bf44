import { constants } from 'node:fs'
import { chmod, open, type FileHandle } from 'node:fs/promises'
import { findForeignHand, isSymlink, systemCode } from './private-file.js'
import { decodeRecord, MAX_RECORD_BYTES } from './stored-record.js'
import type { LaneName } from '../contract/index.js'
import type { LoadResult } from './token-store.js'

export interface LoadContext {
  path: string
  lane: LaneName
  signIn: string
  warnOnce(message: string): void
  /** `leave`: a file of the user's choice, whose mode and owner are the user's matter; default `mend` */
  mode?: 'mend' | 'leave'
  /** how its text is understood; default: as a token file */
  read?: (text: string) => LoadResult
}

/**
 * Reads a token file; what is wrong with it is the answer, never an exception. A mode wider than 0600 is mended;
 * an owner other than this user and root, or a folder that everybody may write to without the sticky bit, is refused.
 */
export async function loadFile(context: LoadContext): Promise<LoadResult> {
  const { path, lane, signIn } = context
  const judge = async (owner?: number) => (context.mode === 'leave' ? undefined : findForeignHand(path, owner))
  const danger = await judge()
  if (danger !== undefined) return { state: 'unreadable', message: danger }
  let file: FileHandle
  try {
    file = await open(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0))
  } catch (error) {
    return mapOpenFailure(path, signIn, error)
  }
  try {
    const found = await file.stat()
    if (!found.isFile()) return { state: 'unreadable', message: `${path} is no file. Remove it, then run ${signIn}` }
    const foreign = await judge(found.uid)
    if (foreign !== undefined) return { state: 'unreadable', message: foreign }
    if (found.size > MAX_RECORD_BYTES) return { state: 'corrupt', message: `${path} is ${found.size} bytes long, which is no credential. Run ${signIn}; what is there now will be kept aside` }
    if (process.platform === 'win32' && (await isSymlink(path))) return { state: 'unreadable', message: symlinkMessage(path) }
    if (context.mode !== 'leave' && process.platform !== 'win32' && (found.mode & 0o077) !== 0) await tighten(context, found.mode & 0o777)
    const text = await file.readFile('utf8')
    return context.read ? context.read(text) : decodeRecord(text, { place: path, lane, signIn })
  } catch (error) {
    return mapOpenFailure(path, signIn, error)
  } finally {
    await file.close()
  }
}

async function tighten({ path, warnOnce }: LoadContext, mode: number): Promise<void> {
  const had = `${path} was readable by other users (mode 0${mode.toString(8)})`
  await chmod(path, 0o600).then(
    () => warnOnce(`${had}; it is 0600 now. If others use this machine, sign out and in again`),
    () => warnOnce(`${had} and cannot be changed by this user. Make it 0600`),
  )
}

function mapOpenFailure(path: string, signIn: string, error: unknown): LoadResult {
  const code = systemCode(error) ?? 'unknown error'
  switch (code) {
    case 'ENOENT':
      return { state: 'missing', message: `${path} does not exist: nobody is signed in. Run ${signIn}`, code }
    case 'ELOOP':
    case 'EMLINK':
      return { state: 'unreadable', message: symlinkMessage(path), code }
    case 'EBUSY':
    case 'ETXTBSY':
      return { state: 'locked', message: `${path} is in use by another program (${code}). Try again in a moment`, code, transient: true }
    default:
      return { state: 'unreadable', message: `${path} cannot be read by this user (${code}). Check who owns it and its mode, or set token_file_path`, code }
  }
}

/** Why a link in the place of a token file is refused. */
export function symlinkMessage(path: string): string {
  return `${path} is a symbolic link, which is refused for a file of secrets. Put the file itself there, or point token_file_path at it`
}
