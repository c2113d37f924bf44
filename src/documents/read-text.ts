import { open } from 'node:fs/promises'
import { constants } from 'node:fs'
import { isRecord } from '../lib/index.js'

/** Settings and bundles are written by hand; what is larger is not one. */
export const MAX_FILE_BYTES = 2 * 1024 * 1024

/** The text without a byte order mark, or why there is none; `absent` where the file doesn't exist. */
export type FileText = { text: string } | { problem: string; absent: boolean; line: number; column: number }

/**
 * Reads a small UTF-8 text file. A folder, a pipe or a device is refused rather than waited for, a file
 * above {@link MAX_FILE_BYTES} rather than loaded.
 */
export async function readConfigFile(file: string): Promise<FileText> {
  const fail = (problem: string, absent = false, line = 1, column = 1): FileText => ({ problem, absent, line, column })
  try {
    // Without O_NONBLOCK opening a pipe waits for its writer.
    const handle = await open(file, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0))
    try {
      const stat = await handle.stat()
      if (!stat.isFile()) return fail(stat.isDirectory() ? 'is a folder, not a file' : 'is not a regular file')
      if (stat.size > MAX_FILE_BYTES) return fail(`is larger than ${MAX_FILE_BYTES / 1024 / 1024} MiB`)
      return decode(await handle.readFile(), fail)
    } finally {
      await handle.close()
    }
  } catch (error) {
    const code = isRecord(error) && typeof error['code'] === 'string' ? error['code'] : 'unknown reason'
    // ENOTDIR: a file stands where the folder would be.
    const absent = code === 'ENOENT' || code === 'ENOTDIR'
    return fail(absent ? "doesn't exist" : code === 'EISDIR' ? 'is a folder, not a file' : `cannot be read (${code})`, absent)
  }
}

function decode(bytes: Buffer, fail: (problem: string, absent: boolean, line: number, column: number) => FileText): FileText {
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return fail('is not UTF-8 text', false, 1, 1)
  }
  const nul = text.indexOf('\0')
  if (nul === -1) return { text }
  const before = text.slice(0, nul).split('\n')
  return fail('holds a NUL byte', false, before.length, (before.at(-1)?.length ?? 0) + 1)
}
