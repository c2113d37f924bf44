/** What writes of a token file leave beside it: unfinished ones, and unreadable files that were kept aside. */
import { constants } from 'node:fs'
import { open, readdir, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { isRecord, parseJson, readString } from '../lib/index.js'
import { systemCode } from './private-file.js'

const MAX_BYTES = 1024 * 1024

/** The word that begins the name of a kept answer; see ReplyNote. */
export const REPLY_MARK = 'reply-'

/** Unfinished writes of processes that were killed. Only the lock's holder may call this. Answers what is left. */
export async function removeUnfinishedWrites(path: string): Promise<string[]> {
  const start = `.${basename(path)}.`
  return removeBeside(path, (name) => name.startsWith(start) && !name.startsWith(`${start}${REPLY_MARK}`) && name.endsWith('.tmp'), () => undefined)
}

/** Answers of refreshes that were kept until they were saved. Only the lock's holder may call this. Answers what is left. */
export async function removeReplies(path: string): Promise<string[]> {
  const start = `.${basename(path)}.${REPLY_MARK}`
  return removeBeside(path, (name) => name.startsWith(start) && name.endsWith('.tmp'), () => undefined)
}

/**
 * Removes every file beside `path` that may still hold its tokens. Only the lock's holder may call this.
 * @returns the path of each that is left, and why: one that cannot be removed, or that does not look like ours
 */
export async function removeCopies(path: string): Promise<string[]> {
  const start = `${basename(path)}.corrupt-`
  // What was kept aside may be another program's file that token_file_path named by mistake.
  const aside = await removeBeside(path, (name) => name.startsWith(start), async (file) => (
    (await holdsOurTokens(file)) ? undefined : 'was kept aside as it was no token file of ours'
  ))
  return [...await removeUnfinishedWrites(path), ...await removeReplies(path), ...aside]
}

async function removeBeside(
  path: string,
  isMeant: (name: string) => boolean,
  findReasonToStay: (file: string) => Promise<string | undefined> | undefined,
): Promise<string[]> {
  const folder = dirname(path)
  let names: string[]
  try {
    names = await readdir(folder)
  } catch (error) {
    return systemCode(error) === 'ENOENT' ? [] : [`${folder} cannot be searched for copies (${systemCode(error) ?? 'unknown error'})`]
  }
  const left = await Promise.all(names.filter(isMeant).sort().map(async (name) => {
    const file = join(folder, name)
    try {
      const reason = await findReasonToStay(file)
      if (reason !== undefined) return `${file} ${reason}`
      await rm(file, { force: true })
      return undefined
    } catch (error) {
      return `${file} cannot be removed (${systemCode(error) ?? 'unknown error'})`
    }
  }))
  return left.filter((line) => line !== undefined)
}

async function holdsOurTokens(path: string): Promise<boolean> {
  const file = await open(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0))
  try {
    const { size } = await file.stat()
    if (size > MAX_BYTES) return false
    const text = await file.readFile('utf8')
    const value = parseJson(text)
    const keys = ['access_token', 'refresh_token', 'id_token']
    if (isRecord(value)) return keys.some((key) => readString(value, key) !== undefined)
    // Cut off: ours has its tokens at the top, the Codex command line's under `tokens`.
    return /"(access|refresh|id)_token"\s*:/.test(text) && !/"tokens"\s*:/.test(text)
  } finally {
    await file.close()
  }
}
