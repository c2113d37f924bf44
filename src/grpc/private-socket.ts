import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface PrivateSocket {
  /** where gRPC binds and clients connect, `unix:` before the file's path */
  address: string
  /** Lets this user alone at the file, once it is there. */
  protect(): Promise<void>
  /** Twice without harm. */
  remove(): Promise<void>
}

/** A place for a socket file in a folder of mode 0700: no other user of the machine reaches it, whatever the umask. */
export async function createPrivateSocket(): Promise<PrivateSocket> {
  const folder = await mkdtemp(join(tmpdir(), 'amplifier-chatgpt-'))
  const path = join(folder, 'grpc.sock')
  return {
    address: `unix:${path}`,
    protect: () => chmod(path, 0o700),
    remove: () => rm(folder, { recursive: true, force: true }),
  }
}
