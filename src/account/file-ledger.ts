import { readdir, readFile, rm, stat } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { delay, isBusy, openDatabase, parseJson, shortHash, within, type Database } from '../lib/index.js'
import { decodeIds, decodeOwner, decodePlaceState } from './decode-places.js'
import { ABSENT_MS, describeFleet, type Attendant } from './describe-fleet.js'
import { listDead, type PlaceBeat, type PlaceLedger } from './place-ledger.js'
import { dropOwners, stepPlaces } from './place-rule.js'
import { BEAT_MS, createPlaceState, type PlaceGrant, type PlaceOutcome, type PlaceOwner, type PlaceRequest, type PlaceState } from './place-state.js'

export interface FileLedgerOptions {
  /** absolute; made where it is missing, with a file for each start of the machine */
  folder: string
  account: string
  /** ms since the machine started, the same for all its processes; default the monotonic clock */
  now?: () => number
}

/** How long a statement waits for another process, ms: this thread has streams to read. Further tries are made from timers. */
const BUSY_MS = 1
const GIVE_UP_MS = 2000
/** A file system may never answer; a call does not wait for it. Sooner than a failure counts as this process's own standing still. */
const OPEN_MS = 2000
/** One that could not be opened is tried again after the first of these, then twice as late each time, up to the second: it may never open. */
const AGAIN_MS = [1000, 60_000] as const
const POLL_MS = 5
const POLL_CAP_MS = 25
const LEFTOVER_MS = 7 * 24 * 3_600_000

/**
 * Counts over the processes of this machine, in a file of SQLite: a transaction is 0.05 ms and needs no other process to be
 * awake, as a broker would. What it holds is worth nothing after a restart of the machine, so nothing is synced.
 */
export function createFileLedger({ folder, account, now = monotonicMs }: FileLedgerOptions): PlaceLedger {
  let opening: Promise<Table> | undefined
  let table: Table | undefined
  let closed = false
  let failed = { times: 0, atMs: 0, cause: undefined as unknown }
  const begin = () => openTable(folder, account).then((opened) => {
    if (closed) opened.close()
    return (table = opened)
  }, (cause: unknown) => {
    // A disk that is full today has room tomorrow.
    opening = undefined
    failed = { times: failed.times + 1, atMs: performance.now(), cause }
    throw cause
  })
  const open = async () => {
    if (!opening && failed.times > 0 && performance.now() - failed.atMs < Math.min(AGAIN_MS[1], AGAIN_MS[0] * 2 ** (failed.times - 1))) throw failed.cause
    return within(OPEN_MS, (opening ??= begin()), () => new Error(`${folder} did not open within ${OPEN_MS / 1000} s`))
  }
  const step = (request: PlaceRequest): PlaceOutcome | Promise<PlaceOutcome> => {
    const at = table
    if (!at) return open().then((opened) => retryBusy(() => opened.step(request, now())))
    try {
      return at.step(request, now())
    } catch (error) {
      if (!isBusy(error)) throw error
      return retryBusy(() => at.step(request, now()))
    }
  }
  return {
    scope: 'machine',
    open: () => void open().catch(() => undefined),
    get immediate() { return table !== undefined },
    step,
    async beat(owner) {
      const at = await open()
      return retryBusy(() => at.beat(owner, now()))
    },
    async attend(owner, here) {
      const at = await open()
      await retryBusy(() => at.attend(owner, here ? now() : undefined))
    },
    async inspect() {
      const at = await open()
      return retryBusy(() => describeFleet(at.state(), now(), { scope: 'machine', seen: new Map(at.seen()), present: at.present() }))
    },
    watch: (owner, granted) => poll(() => table?.granted(owner.name) ?? [], granted),
    async close() {
      closed = true
      await opening?.then((opened) => opened.close(), () => undefined)
    },
  }
}

/** The same origin in every process of the machine, and no step when the wall clock is set. */
function monotonicMs(): number {
  return Number(process.hrtime.bigint() / 1000n) / 1000
}

interface Table {
  step(request: PlaceRequest, nowMs: number): PlaceOutcome
  beat(owner: PlaceOwner, nowMs: number): PlaceBeat
  /** @param atMs now; undefined where it goes */
  attend(owner: PlaceOwner, atMs: number | undefined): void
  granted(owner: string): readonly string[]
  state(): PlaceState
  /** when each owner was last heard of */
  seen(): (readonly [owner: string, atMs: number])[]
  present(): Attendant[]
  close(): void
}

const TABLES = `
CREATE TABLE IF NOT EXISTS places (account TEXT PRIMARY KEY, state TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS seen (account TEXT, owner TEXT, at_ms REAL NOT NULL, PRIMARY KEY (account, owner)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS present (account TEXT, owner TEXT, said TEXT NOT NULL, at_ms REAL NOT NULL, PRIMARY KEY (account, owner)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS grants (account TEXT, owner TEXT, ids TEXT NOT NULL, PRIMARY KEY (account, owner)) STRICT, WITHOUT ROWID;`

async function openTable(folder: string, account: string): Promise<Table> {
  const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => '')
  const path = join(folder, `${shortHash(`${hostname()} ${boot}`).slice(0, 10)}.db`)
  const database = await openDatabase(path, { waitMs: OPEN_MS / 2 })
  void removeLeftovers(folder, path)
  try {
    database.exec(`PRAGMA busy_timeout = ${BUSY_MS}; PRAGMA synchronous = OFF; PRAGMA secure_delete = OFF`)
    await retryBusy(() => database.exec(TABLES))
    return createTable(database, account)
  } catch (cause) {
    database.close()
    throw new Error(`${path} cannot be used to count calls: ${cause instanceof Error ? cause.message : String(cause)}. Move it away to begin a new one`, { cause })
  }
}

function createTable(database: Database, account: string): Table {
  const see = database.prepare('INSERT OR REPLACE INTO seen (account, owner, at_ms) VALUES (?, ?, ?)')
  const listSeen = database.prepare('SELECT owner, at_ms FROM seen WHERE account = ?')
  const forget = database.prepare('DELETE FROM seen WHERE account = ? AND owner = ?')
  const readGrants = database.prepare('SELECT ids FROM grants WHERE account = ? AND owner = ?')
  const writeGrants = database.prepare('INSERT OR REPLACE INTO grants (account, owner, ids) VALUES (?, ?, ?)')
  const dropGrants = database.prepare('DELETE FROM grants WHERE account = ? AND owner = ?')
  const { readState, writeState } = createStateRow(database, account)
  /** When the owner's sign of life was last written: a busy one beats anyway. */
  let seenMs = Number.NEGATIVE_INFINITY
  const granted = (owner: string) => decodeIds(parseText(readGrants.get(account, owner)?.['ids']))
  const seen = () => listSeen.all(account).map((row) => [String(row['owner']), Number(row['at_ms'])] as const)
  const dead = (nowMs: number) => listDead(seen(), nowMs)
  const bury = (owners: readonly string[]) => {
    for (const owner of owners) {
      forget.run(account, owner)
      dropGrants.run(account, owner)
    }
  }
  const tell = (grants: readonly PlaceGrant[], asking: string) => {
    for (const { owner, id } of grants) if (owner !== asking) writeGrants.run(account, owner, JSON.stringify([...granted(owner), id]))
  }
  return {
    granted, seen, state: readState, ...createPresenceRows(database, account),
    step: (request, nowMs) => database.transaction(() => {
      const state = readState()
      const outcome = stepPlaces(state, request, nowMs, [], [])
      if (nowMs - seenMs > BEAT_MS || request.whole) {
        see.run(account, request.name, nowMs)
        seenMs = nowMs
      }
      if (request.left.length > 0) dropGrants.run(account, request.name)
      tell(outcome.grants, request.name)
      writeState(state)
      return outcome
    }),
    beat: ({ name }, nowMs) => database.transaction(() => {
      const heard = new Set(seen().map(([owner]) => owner))
      // An owner without a sign of life on record, in a file that another program has written to, would otherwise never count as dead.
      const gone = [...dead(nowMs), ...readState().owners.flatMap((owner) => (heard.has(owner.name) ? [] : [owner.name]))]
      if (gone.length > 0) {
        bury(gone)
        const state = readState()
        tell(dropOwners(state, gone, nowMs, []), '')
        writeState(state)
      }
      const known = heard.has(name) && !gone.includes(name)
      if (known) see.run(account, name, nowMs)
      return { known, granted: granted(name) }
    }),
    close: () => database.close(),
  }
}

function createPresenceRows(database: Database, account: string): Pick<Table, 'attend' | 'present'> {
  const say = database.prepare('INSERT OR REPLACE INTO present (account, owner, said, at_ms) VALUES (?, ?, ?, ?)')
  const go = database.prepare('DELETE FROM present WHERE account = ? AND (owner = ? OR at_ms < ?)')
  const list = database.prepare('SELECT said, at_ms FROM present WHERE account = ?')
  return {
    attend(owner, atMs) {
      go.run(account, owner.name, (atMs ?? 0) - ABSENT_MS)
      if (atMs !== undefined) say.run(account, owner.name, JSON.stringify(owner), atMs)
    },
    present: () => list.all(account).flatMap((row) => {
      const owner = decodeOwner(row['said'])
      return owner ? [{ ...owner, atMs: Number(row['at_ms']) }] : []
    }),
  }
}

function createStateRow(database: Database, account: string): { readState: () => PlaceState; writeState: (state: PlaceState) => void } {
  const load = database.prepare('SELECT state FROM places WHERE account = ?')
  // Not REPLACE, which makes a new row and so writes the index too: a page more in each transaction.
  const save = database.prepare('INSERT INTO places (account, state) VALUES (?, ?) ON CONFLICT (account) DO UPDATE SET state = excluded.state')
  /** What stands in the file, read anew only where another process has written since. */
  let kept = { text: '', state: createPlaceState() }
  const readState = (): PlaceState => {
    const text = load.get(account)?.['state']
    return text === kept.text ? kept.state : decodePlaceState(text)
  }
  const writeState = (state: PlaceState) => {
    const text = JSON.stringify(state)
    // Until it is saved whole, nothing is known of what stands there.
    kept = { text: '', state }
    save.run(account, text)
    kept = { text, state }
  }
  return { readState, writeState }
}

function parseText(value: unknown): unknown {
  return typeof value === 'string' ? parseJson(value) : undefined
}

function poll(read: () => readonly string[], tell: (ids: readonly string[]) => void): () => void {
  let everyMs = POLL_MS
  let timer: NodeJS.Timeout
  const look = () => {
    let ids: readonly string[] = []
    try {
      ids = read()
    } catch {
      // Held by another process at the moment: the next look tells.
    }
    everyMs = ids.length > 0 ? POLL_MS : Math.min(POLL_CAP_MS, everyMs * 1.2)
    timer = setTimeout(look, everyMs)
    if (ids.length > 0) tell(ids)
  }
  timer = setTimeout(look, everyMs)
  return () => clearTimeout(timer)
}

async function retryBusy<Value>(work: () => Value): Promise<Value> {
  const startedMs = performance.now()
  for (;;) {
    try {
      return work()
    } catch (error) {
      if (!isBusy(error) || performance.now() - startedMs > GIVE_UP_MS) throw error
    }
    await delay(1 + 4 * Math.random())
  }
}

/** Files of earlier starts of the machine; each start has its own. */
async function removeLeftovers(folder: string, path: string): Promise<void> {
  for (const name of await readdir(folder).catch((): string[] => [])) {
    const other = join(folder, name)
    if (other.startsWith(path) || !/^[0-9a-f]{10}\.db(-wal|-shm)?$/.test(name)) continue
    const age = await stat(other).then(({ mtimeMs }) => Date.now() - mtimeMs, () => 0)
    if (age > LEFTOVER_MS) await rm(other, { force: true }).catch(() => undefined)
  }
}

