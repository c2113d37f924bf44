/** The text of a refresh's answer beside the token file, from its arrival until it is saved. */
import { constants, fdatasyncSync, ftruncateSync, writeSync } from 'node:fs'
import { open, readdir, unlink, type FileHandle } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { loadFile } from './load-file.js'
import { temporaryPath } from './private-file.js'
import { removeReplies, REPLY_MARK } from './remove-copies.js'
import type { LaneName } from '../contract/index.js'
import type { ReplyNote } from './token-store.js'

/** A {@link ReplyNote} whose file is opened before, so that nothing is left to do but to write. */
export interface OpenReplyNote extends ReplyNote {
  open(word: string): Promise<void>
  /** Closes the file, and leaves it there only where something was kept in it that is not to be dropped. */
  close(options?: { drop: boolean }): Promise<void>
}

/** @param from place, lane and next command of the token file */
export function createReplyNote(from: { path: string; lane: LaneName; signIn: string }): OpenReplyNote {
  const { path } = from
  let current: { place: string; file: FileHandle; kept: boolean } | undefined
  const end = async (leave: boolean) => {
    if (current === undefined) return
    const { place, file } = current
    current = undefined
    await file.close().catch(() => undefined)
    if (!leave) await unlink(place).catch(() => undefined)
  }
  return {
    close: ({ drop } = { drop: false }) => end(!drop && current?.kept === true),
    async forget() {
      await end(false)
      await removeReplies(path)
    },
    async open(word) {
      await end(false)
      await removeReplies(path)
      const place = temporaryPath(path, `${REPLY_MARK}${word}`)
      const file = await open(place, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | (constants.O_NOFOLLOW ?? 0), 0o600)
      current = { place, file, kept: false }
    },
    keep(text) {
      if (current === undefined) return
      const { fd } = current.file
      const bytes = Buffer.from(text)
      try {
        ftruncateSync(fd, 0)
        for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at, bytes.length - at, at)
        current.kept = true
        fdatasyncSync(fd)
      } catch {
        // A full disk: the room for the save itself is reserved.
      }
    },
    async find() {
      const start = `.${basename(path)}.${REPLY_MARK}`
      const names = await readdir(dirname(path)).catch((): string[] => [])
      for (const name of names.filter((each) => each.startsWith(start) && each.endsWith('.tmp')).sort()) {
        const text = await readOwn({ ...from, path: join(dirname(path), name) })
        if (text !== undefined && text !== '') return text
      }
      return undefined
    },
  }
}

/** The text of a file that the token file's own rules of owner, mode and size let through. */
async function readOwn(from: { path: string; lane: LaneName; signIn: string }): Promise<string | undefined> {
  let text: string | undefined
  await loadFile({
    ...from,
    warnOnce: () => undefined,
    read(found) {
      text = found
      return { state: 'empty', message: '' }
    },
  })
  return text
}
