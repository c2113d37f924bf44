import { constants } from 'node:fs'
import { mkdir, open } from 'node:fs/promises'
import { dirname } from 'node:path'
import { delay } from './delay.js'

/** What a column holds. Integers beyond 2^53 are not read. */
export type DatabaseValue = string | number | Uint8Array | null

export interface Statement {
  run(...values: readonly DatabaseValue[]): { changes: number | bigint }
  get(...values: readonly DatabaseValue[]): Record<string, DatabaseValue> | undefined
  all(...values: readonly DatabaseValue[]): Record<string, DatabaseValue>[]
}

/** An open SQLite file. Everything in it is synchronous: keep transactions short. */
export interface Database {
  readonly path: string
  /** Runs statements that answer nothing, parted by semicolons. */
  exec(sql: string): void
  prepare(sql: string): Statement
  /** Runs `work` in one transaction that is all there or not at all. */
  transaction<Value>(work: () => Value): Value
  /** Twice without harm. */
  close(): void
}

/** `missing`: nothing here can open it; `unusable`: the file is another's, is no database, or is damaged. */
export class DatabaseError extends Error {
  override readonly name = 'DatabaseError'
  constructor(message: string, readonly code: 'missing' | 'unusable', options?: ErrorOptions) {
    super(message, options)
  }
}

/** What we use of `DatabaseSync`, which the package and Node's own module have alike. */
interface NativeDatabase {
  exec(sql: string): void
  prepare(sql: string): Statement
  close(): void
}
interface SqliteModule {
  DatabaseSync: new (path: string, options?: { timeout?: number }) => NativeDatabase
}

/** How long another process may hold the file while we wait, ms. */
const BUSY_MS = 5000
/** Between two tries to open a file that is held, ms. */
const AGAIN_MS = 20
const FILE_MODE = 0o600
const FOLDER_MODE = 0o700

/**
 * Opens the SQLite file at `path`, made with mode 0600 where there is none, its folder with 0700. Other processes may have
 * it open too, on this machine. What is deleted is overwritten; what a transaction wrote survives a kill and a power cut.
 * @param waitMs how long another process may hold it
 * @throws DatabaseError
 */
export async function openDatabase(path: string, { waitMs = BUSY_MS }: { waitMs?: number } = {}): Promise<Database> {
  const { DatabaseSync } = await loadSqlite()
  try {
    await mkdir(dirname(path), { recursive: true, mode: FOLDER_MODE })
    // Its journals take over its mode.
    const file = await open(path, constants.O_RDWR | constants.O_CREAT | (constants.O_NOFOLLOW ?? 0), FILE_MODE)
    await file.chmod(FILE_MODE).finally(() => file.close())
    return wrap(path, await openNative(() => new DatabaseSync(path, { timeout: 1 }), waitMs))
  } catch (cause) {
    const advice = isBusy(cause) ? 'Another process holds it, or it lies where files cannot be locked, as on a network file system: keep it on a local disk' : 'Move it away to begin a new one'
    throw new DatabaseError(`${path} cannot be used as a database: ${cause instanceof Error ? cause.message : String(cause)}. ${advice}`, 'unusable', { cause })
  }
}

/** SQLite takes a file system without locks for one whose file is always held, and its own wait would hold the thread. */
async function openNative(open: () => NativeDatabase, waitMs: number): Promise<NativeDatabase> {
  const startedMs = performance.now()
  for (;;) {
    const native = open()
    try {
      native.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON; PRAGMA trusted_schema = OFF; PRAGMA foreign_keys = ON; PRAGMA busy_timeout = ${BUSY_MS}`)
      return native
    } catch (error) {
      native.close()
      if (!isBusy(error) || performance.now() - startedMs > waitMs) throw error
    }
    await delay(AGAIN_MS * (0.5 + Math.random()))
  }
}

/** Whether another process holds the file at the moment. */
export function isBusy(error: unknown): boolean {
  return error instanceof Error && /\b(database is locked|SQLITE_BUSY|database table is locked)\b/i.test(`${error.message} ${'code' in error ? String(error.code) : ''}`)
}

function wrap(path: string, native: NativeDatabase): Database {
  let open = true
  return {
    path,
    exec: (sql) => native.exec(sql),
    prepare: (sql) => native.prepare(sql),
    transaction(work) {
      native.exec('BEGIN IMMEDIATE')
      try {
        const value = work()
        native.exec('COMMIT')
        return value
      } catch (error) {
        try {
          native.exec('ROLLBACK')
        } catch {
          // A full disk has ended the transaction already; what went wrong first is what to tell.
        }
        throw error
      }
    },
    close() {
      if (open) native.close()
      open = false
    },
  }
}

/** The package first: Node's own module warns on every start that it is experimental. Both lock the file alike. */
async function loadSqlite(): Promise<SqliteModule> {
  const builtIn = 'node:sqlite'
  const loaded: unknown = await import('@photostructure/sqlite').catch(() => import(builtIn)).catch((cause: unknown) => {
    throw new DatabaseError('SQLite is missing: npm install @photostructure/sqlite@1, or use Node 22.13 or newer', 'missing', { cause })
  })
  return loaded as SqliteModule
}
