/**
 * The lock of the Python module on the same credential file: flock(2) on `<credential>.lock`, a file that stays. Node
 * has no flock. A helper takes it for a descriptor of ours: the lock belongs to the open file that both share, so it
 * holds after the helper is gone and ends with this process, however it dies.
 */
import { spawn } from 'node:child_process'
import { constants } from 'node:fs'
import { open, type FileHandle } from 'node:fs/promises'
import { delimiter, isAbsolute } from 'node:path'
import { delay } from '../lib/index.js'
import { TokenStoreError } from './token-store.js'

export interface SharedFlockOptions {
  /** the lock file; it is made where it is missing, as the other program does */
  file: string
  /** what it guards, for messages */
  place: string
  /** how long the other program may hold it; default 90,000 */
  waitMs?: number
  /** the folders programs are looked for in, as PATH has them; relative ones don't count */
  path?: string | undefined
  /** told where no helper is there, so that the other program is not kept out */
  warn?: (message: string) => void
  /** monotonic ms */
  monotonic?: () => number
}

/** Each takes the lock on descriptor 3 and exits: 0 it is ours, 1 somebody else has it. One of them is on any Unix. */
const HELPERS: readonly (readonly [string, ...string[]])[] = [
  ['flock', '-x', '-n', '3'],
  ['perl', '-e', 'open(my $f, "+<&=", 3) or exit 2; exit(flock($f, 6) ? 0 : 1)'],
  ['python3', '-c', 'import fcntl, sys\ntry:\n    fcntl.flock(3, fcntl.LOCK_EX | fcntl.LOCK_NB)\nexcept BlockingIOError:\n    sys.exit(1)'],
]
/** The other program asks every 50 ms. */
const POLL_MS = 30

/**
 * Runs `work` while the Python module neither refreshes nor writes the same credential. Where there is no helper (as on
 * Windows) it warns and runs it all the same: the store's own lock holds among our processes.
 * @throws TokenStoreError `locked` where the other program keeps it, `refused` where the lock file is a link
 */
export async function withSharedFlock<Value>(options: SharedFlockOptions, work: () => Promise<Value>): Promise<Value> {
  if (process.platform === 'win32') return work()
  const file = await openLockFile(options)
  try {
    await take(file, options)
    return await work()
  } finally {
    // Closing the last descriptor of it gives the lock back.
    await file.close()
  }
}

async function openLockFile({ file, place }: SharedFlockOptions): Promise<FileHandle> {
  try {
    return await open(file, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600)
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error'
    throw new TokenStoreError(`cannot lock ${place}: ${file} answers ${code}. Remove what stands there`, 'refused', error)
  }
}

async function take(file: FileHandle, { place, file: name, waitMs = 90_000, path = process.env['PATH'], warn, monotonic = () => performance.now() }: SharedFlockOptions): Promise<void> {
  const until = monotonic() + waitMs
  const folders = (path ?? '').split(delimiter).filter((folder) => isAbsolute(folder)).join(delimiter)
  let helper = 0
  for (;;) {
    const [command, ...args] = HELPERS[helper] ?? []
    if (command === undefined) {
      warn?.(`${place} is not locked against the Python module: none of ${HELPERS.map(([each]) => each).join(', ')} can be run`)
      return
    }
    const code = await run(command, args, file.fd, folders)
    if (code === 0) return
    if (code !== 1) helper += 1
    else if (monotonic() > until) throw new TokenStoreError(`${place} is locked by another program (${name}), which is refreshing the sign-in. Try again`, 'locked')
    else await delay(POLL_MS)
  }
}

/** The exit code; undefined where the program is missing or was killed. Nothing of our environment goes along. */
function run(command: string, args: readonly string[], fd: number, path: string): Promise<number | undefined> {
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'ignore', fd], env: { PATH: path } })
    child.once('error', () => resolve(undefined))
    child.once('close', (code) => resolve(code ?? undefined))
  })
}
