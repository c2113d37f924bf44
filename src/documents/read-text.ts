import { open } from 'node:fs/promises'
import { constants } from 'node:fs'
import { isRecord } from '../lib/index.js'
import { spend, UNBOUNDED, type Budget } from './budget.js'

/** Documents are written by hand; what is larger is not one. */
export const MAX_FILE_BYTES = 2 * 1024 * 1024

/** `absent`: the file doesn't exist. */
export type TextReason = 'absent' | 'unreadable' | 'encoding' | 'too_large'

/** The text without a byte order mark, or why there is none. */
export type FileText = { text: string } | { problem: string; reason: TextReason; line: number; column: number }

/**
 * Reads a small UTF-8 text file. A folder, a pipe or a device is refused rather than waited for, a file
 * above {@link MAX_FILE_BYTES} rather than loaded.
 */
export async function readDocumentText(file: string, budget: Budget = UNBOUNDED): Promise<FileText> {
  const fail = (reason: TextReason, problem: string): FileText => ({ reason, problem, line: 1, column: 1 })
  try {
    // Without O_NONBLOCK opening a pipe waits for its writer.
    const handle = await open(file, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0))
    try {
      const stat = await handle.stat()
      if (!stat.isFile()) return fail('unreadable', stat.isDirectory() ? 'is a folder, not a file' : 'is not a regular file')
      if (stat.size > MAX_FILE_BYTES) return fail('too_large', `is larger than ${MAX_FILE_BYTES / 1024 / 1024} MiB`)
      if (stat.size > budget.bytes) return fail('too_large', 'and the files read with it are larger than any real ones')
      spend(budget, 'bytes', stat.size)
      return decode(await handle.readFile())
    } finally {
      await handle.close()
    }
  } catch (error) {
    const code = isRecord(error) && typeof error['code'] === 'string' ? error['code'] : 'unknown reason'
    // ENOTDIR: a file stands where the folder would be.
    if (code === 'ENOENT' || code === 'ENOTDIR') return fail('absent', "doesn't exist")
    return fail('unreadable', code === 'EISDIR' ? 'is a folder, not a file' : `cannot be read (${code})`)
  }
}

function decode(bytes: Buffer): FileText {
  try {
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(bytes) }
  } catch {
    return { reason: 'encoding', problem: 'is not UTF-8 text; save it as UTF-8', ...placeOfBadByte(bytes) }
  }
}

/** Line and column of the first byte that is no UTF-8. */
function placeOfBadByte(bytes: Buffer): { line: number; column: number } {
  const text = new TextDecoder('utf-8').decode(bytes)
  const before = text.slice(0, Math.max(0, text.indexOf('\uFFFD')))
  return { line: before.split('\n').length, column: before.length - before.lastIndexOf('\n') }
}
