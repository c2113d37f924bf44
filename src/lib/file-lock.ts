/**
 * A lock across processes that share a folder, first come first served (Lamport's bakery).
 *
 * A lock that is one file has a flaw no care can mend: between seeing that its holder is dead and
 * removing it, somebody else may have removed it and taken it anew, and two believe they hold it.
 * Here everybody in the queue has a file of a name of its own, `<ticket>-<pid>-<host>-<random>`, and
 * the lowest ticket holds the lock. Breaking a dead holder's lock is removing its file:
 * however often that is done, and by however many, no other claim is touched.
 */
import { mkdir, open, readdir, rm, rmdir, stat, unlink, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { delay } from './delay.js'
import { identifyHost } from './host-identity.js'

export interface FileLockOptions {
  /** a folder of this name exists while anybody waits or holds */
  folder: string
  /** what the lock guards, for messages */
  place: string
  /** what its holder is about, for messages: after "which is" */
  purpose?: string
  /** how long others may hold it before we give up; default 90,000 */
  waitMs?: number
  /** how often a claim shows that it lives; default 1,000 */
  heartbeatMs?: number
  /** silence after which a claim counts as dead; default 6,000 */
  deadAfterMs?: number
  /** monotonic ms; default performance.now */
  monotonic?: () => number
  random?: () => number
}

export interface FileLock {
  /** False where others took us for dead: the work is no longer alone. */
  held(): Promise<boolean>
}

/** `locked`: a live holder kept it for longer than we wait; `unwritable`: its folder cannot be made. */
export class FileLockError extends Error {
  override readonly name = 'FileLockError'
  constructor(message: string, readonly code: 'locked' | 'unwritable', cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
  }
}

interface Claim {
  name: string
  /** undefined while its owner is choosing */
  ticket: number | undefined
  pid: number
  host: string
}

const CHOOSING = 'choosing'
/** The next in line looks this often, the others less by their place in it. */
const POLL_MS = 5
const POLL_CAP_MS = 100
/** Looking whether the others live costs a system call for each, so it is done less often than looking whether they are there. */
const INSPECT_MS = 400

/** Runs `work` while holding the lock. @throws FileLockError, and what `work` throws */
export async function withFileLock<Value>(
  options: FileLockOptions,
  work: (lock: FileLock) => Promise<Value>,
): Promise<Value> {
  const own = await takeTicket(options)
  const path = join(options.folder, own.name)
  const heartbeat = setInterval(() => {
    const now = new Date()
    utimes(path, now, now).catch(() => undefined)
  }, options.heartbeatMs ?? 1000)
  heartbeat.unref()
  try {
    await waitForTurn(options, own)
    return await work({ held: () => exists(path) })
  } finally {
    clearInterval(heartbeat)
    await unlink(path).catch(() => undefined)
    await rmdir(options.folder).catch(() => undefined)
  }
}

/**
 * Takes away what processes of this machine left that are gone. Only who wants the lock would do it
 * otherwise, and after a kill between save and release nobody may want it for an hour.
 */
export async function tidyFileLock(folder: string): Promise<void> {
  const claims = await list(folder)
  const host = claims.length === 0 ? '' : await identifyHost()
  const dead = claims.filter((claim) => claim.host === host && !isRunning(claim.pid))
  await Promise.all(dead.map((claim) => rm(join(folder, claim.name), { force: true }).catch(() => undefined)))
  await rmdir(folder).catch(() => undefined)
}

/** The marker `choosing` stands until the ticket does, so no process passes one that is about to be lower. */
async function takeTicket(options: FileLockOptions): Promise<Claim & { ticket: number }> {
  const { pid } = process
  const { random = Math.random } = options
  const host = await identifyHost()
  for (;;) {
    const tail = `${pid}-${host}-${Math.floor(random() * 2 ** 48).toString(36)}`
    const marker = `${CHOOSING}-${tail}`
    try {
      await createFile(options.folder, marker, random)
      const taken = await list(options.folder)
      const ticket = 1 + Math.max(0, ...taken.map((claim) => claim.ticket ?? 0))
      const name = `${ticket}-${tail}`
      await createFile(options.folder, name, random)
      // Without the marker somebody took us for dead, and our ticket may be out of order.
      if (await exists(join(options.folder, marker))) return { name, ticket, pid, host }
      await unlink(join(options.folder, name)).catch(() => undefined)
    } catch (cause) {
      throw new FileLockError(
        `cannot lock ${options.place}: ${options.folder} ${describe(cause)}. Make its folder writable for this user`, 'unwritable', cause)
    } finally {
      await unlink(join(options.folder, marker)).catch(() => undefined)
    }
  }
}

async function waitForTurn(options: FileLockOptions, own: Claim & { ticket: number }): Promise<void> {
  const monotonic = options.monotonic ?? (() => performance.now())
  const random = options.random ?? Math.random
  const startedAt = monotonic()
  const inspect = createInspector(options, own.host, monotonic)
  let inspectAt = startedAt
  for (;;) {
    const before = await listBefore(options.folder, own)
    if (before.length === 0) return
    if (monotonic() >= inspectAt) {
      const { alive, removed } = await inspect(before)
      inspectAt = monotonic() + INSPECT_MS
      if (removed > 0) continue
      if (alive && monotonic() - startedAt > (options.waitMs ?? 90_000)) throw lockedError(options, alive, own.host)
    }
    await delay(Math.min(POLL_CAP_MS, POLL_MS * before.length) * (0.75 + 0.5 * random()))
  }
}

function lockedError(options: FileLockOptions, holder: Claim, ownHost: string): FileLockError {
  return new FileLockError(
    `${options.place} is locked by process ${holder.pid}${holder.host === ownHost ? '' : ' on another host'}${options.purpose === undefined ? '' : `, which is ${options.purpose}`}. ` +
    `Try again; if no such process runs, remove ${options.folder}`, 'locked')
}

/**
 * Removes the claims of the dead: those whose process is gone, and those whose file nobody touched for
 * `deadAfterMs` while we looked.
 */
function createInspector(options: FileLockOptions, ownHost: string, monotonic: () => number) {
  const seen = new Map<string, { mtimeMs: number; since: number }>()
  const isDead = async (claim: Claim): Promise<boolean> => {
    if (claim.host === ownHost && !isRunning(claim.pid)) return true
    const mtimeMs = await stat(join(options.folder, claim.name)).then((found) => found.mtimeMs, () => undefined)
    if (mtimeMs === undefined) return false
    const last = seen.get(claim.name)
    if (last?.mtimeMs === mtimeMs) return monotonic() - last.since > (options.deadAfterMs ?? 6000)
    seen.set(claim.name, { mtimeMs, since: monotonic() })
    return false
  }
  return async (claims: readonly Claim[]): Promise<{ alive: Claim | undefined; removed: number }> => {
    let alive: Claim | undefined
    let removed = 0
    for (const claim of claims) {
      if (await isDead(claim)) {
        await rm(join(options.folder, claim.name), { force: true })
        removed += 1
      } else alive ??= claim
    }
    return { alive, removed }
  }
}

/**
 * Who comes before us. "Nobody" takes two listings in a row: one that runs while a marker gives way to
 * its ticket may miss both, the next one starts after the ticket stood.
 */
async function listBefore(folder: string, own: Claim & { ticket: number }): Promise<Claim[]> {
  for (let round = 1; ; round += 1) {
    const before = (await list(folder)).filter((claim) => claim.name !== own.name && precedes(claim, own))
    if (before.length > 0 || round === 2) return before
  }
}

function precedes(claim: Claim, own: Claim & { ticket: number }): boolean {
  if (claim.ticket === undefined) return true
  return claim.ticket < own.ticket || (claim.ticket === own.ticket && claim.name < own.name)
}

async function list(folder: string): Promise<Claim[]> {
  const names = await readdir(folder).catch((): string[] => [])
  return names.flatMap((name): Claim[] => {
    const [ticket = '', pid = '', host = '', random = ''] = name.split('-')
    if (random === '' || !/^\d+$/.test(pid)) return []
    if (ticket === CHOOSING) return [{ name, ticket: undefined, pid: Number(pid), host }]
    return /^\d+$/.test(ticket) ? [{ name, ticket: Number(ticket), pid: Number(pid), host }] : []
  })
}

/**
 * The last one out removes the folder, so it may vanish between the two steps, and inside the first: Node's recursive
 * mkdir looks at a folder that is there already, and answers ENOENT where it is gone by then.
 */
async function createFile(folder: string, name: string, random: () => number): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await mkdir(folder, { recursive: true, mode: 0o700 })
      await (await open(join(folder, name), 'wx', 0o600)).close()
      return
    } catch (error) {
      if (!isCode(error, 'ENOENT') || attempt === 100) throw error
      // Out of step with a process that removes it at the same pace.
      await delay(random() * Math.min(attempt, 10))
    }
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return !isCode(error, 'ESRCH')
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(() => true, (error: unknown) => !isCode(error, 'ENOENT'))
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}

function describe(error: unknown): string {
  return error instanceof Error && 'code' in error ? `answers ${String(error.code)}` : 'cannot be written'
}
