import { constants } from 'node:fs'

/** `not_a_file`: a folder, a pipe, a socket or a device stands there, or a link to one; `too_large`: longer than was asked for. */
export class PlainFileError extends Error {
  override readonly name = 'PlainFileError'
  constructor(message: string, readonly code: 'not_a_file' | 'too_large') {
    super(message)
  }
}

/**
 * Reads a regular file of at most `maxBytes` as UTF-8. What else stands there, also behind a link, is neither waited for
 * (a pipe without a writer) nor read (a device that never ends).
 * @throws PlainFileError; the system's own error where the file cannot be opened
 */
export async function readPlainFile(path: string, { maxBytes }: { maxBytes: number }): Promise<string> {
  // Loaded by those who read: most mounts read nothing for a while.
  const { open } = await import('node:fs/promises')
  const file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0))
  try {
    const found = await file.stat()
    if (!found.isFile()) throw new PlainFileError(`${path} is no regular file. Remove what stands there, or the link that leads to it`, 'not_a_file')
    if (found.size > maxBytes) throw new PlainFileError(`${path} is ${found.size} bytes long, more than the ${maxBytes} that are read`, 'too_large')
    // Not `readFile`: of a file of /proc that says 0 bytes it reads whatever comes.
    const bytes = Buffer.alloc(found.size)
    const { bytesRead } = await file.read(bytes, 0, found.size, 0)
    return bytes.toString('utf8', 0, bytesRead)
  } finally {
    await file.close()
  }
}
