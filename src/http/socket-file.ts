import { chmod, lstat, mkdir, unlink } from 'node:fs/promises'
import type { Server } from 'node:http'
import { connect } from 'node:net'
import { dirname } from 'node:path'
import { findForeignHand } from '../auth/index.js'
import { ConfigurationError } from '../contract/index.js'

/**
 * Listens at a socket file of mode 0600, its folder made with 0700 where there is none; the file goes with the server.
 * What a server that was killed left there is taken away.
 * @throws ConfigurationError where somebody listens there, or others could put a socket of theirs in its place
 */
export async function listenAtFile(server: Server, path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  const foreign = await findForeignHand(path)
  if (foreign !== undefined) throw new ConfigurationError(foreign, { code: 'foreign_file' })
  await removeStale(path)
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    // Only the owner's programs may connect: between listen and chmod the umask would decide.
    const before = process.umask(0o177)
    server.listen(path, resolve)
    process.umask(before)
  })
  await chmod(path, 0o600)
  server.once('close', () => void unlink(path).catch(() => undefined))
}

async function removeStale(path: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined)
  if (!found) return
  if (!found.isSocket()) throw new ConfigurationError(`${path} is no socket: move away what stands there, or name another place`, { code: 'usage' })
  if (await isListenedAt(path)) throw new ConfigurationError(`another server listens at ${path}`, { code: 'usage' })
  await unlink(path)
}

function isListenedAt(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code !== 'ECONNREFUSED' && error.code !== 'ENOENT'))
  })
}
