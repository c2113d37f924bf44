import type { AtRestCipher } from '../auth/index.js'
import type { Database, DatabaseValue, Statement } from '../lib/index.js'
import type { ResponseStore, StoreLimits } from './response-store.js'

/** Totals stand beside the rows, so that a write does not count them all. */
const SCHEMA = `
CREATE TABLE IF NOT EXISTS response (
  owner TEXT NOT NULL, id TEXT NOT NULL, sealed TEXT NOT NULL, bytes INTEGER NOT NULL, used_at INTEGER NOT NULL, PRIMARY KEY (owner, id)
) STRICT;
CREATE INDEX IF NOT EXISTS response_by_use ON response (used_at);
CREATE TABLE IF NOT EXISTS response_total (one INTEGER PRIMARY KEY CHECK (one = 1), count INTEGER NOT NULL, bytes INTEGER NOT NULL) STRICT;
INSERT OR IGNORE INTO response_total VALUES (1, 0, 0);
CREATE TRIGGER IF NOT EXISTS response_added AFTER INSERT ON response
  BEGIN UPDATE response_total SET count = count + 1, bytes = bytes + NEW.bytes; END;
CREATE TRIGGER IF NOT EXISTS response_removed AFTER DELETE ON response
  BEGIN UPDATE response_total SET count = count - 1, bytes = bytes - OLD.bytes; END;
`

export interface SqliteStoreOptions {
  /** closed with the store */
  database: Database
  cipher: AtRestCipher
  limits: StoreLimits
  /** ms since 1970 */
  now?: () => number
}

interface Write {
  owner: string
  id: string
  sealed: string
  done(): void
  failed(error: unknown): void
}

interface State extends Required<SqliteStoreOptions> {
  readonly statements: Statements
  /** writes that the next transaction takes */
  waiting: Write[]
}

/** Reading marks a response as used; more often than this it would cost a write for every read. */
const TOUCH_EVERY_MS = 60_000

/** Keeps responses sealed in a file of SQLite; several processes may share it. */
export function createSqliteStore({ database, cipher, limits, now = Date.now }: SqliteStoreOptions): ResponseStore {
  database.exec(SCHEMA)
  const statements = prepare(database)
  const state: State = { database, cipher, limits, now, statements, waiting: [] }
  database.transaction(() => trim(state))
  return {
    get: (owner, id) => get(state, owner, id),
    async put(owner, id, text) {
      const sealed = await cipher.seal(text, place(owner, id))
      await new Promise<void>((done, failed) => {
        // Those of one turn of the loop share a transaction: each one waits for the disk.
        if (state.waiting.push({ owner, id, sealed, done, failed }) === 1) setImmediate(() => flush(state))
      })
    },
    async delete(owner, id) {
      flush(state)
      return Number(statements.remove.run(owner, id).changes) > 0
    },
    async close() {
      flush(state)
      database.close()
    },
  }
}

const place = (owner: string, id: string): string => `response/${owner}/${id}`

interface Statements {
  find: Statement
  touch: Statement
  remove: Statement
  add: Statement
  total: Statement
  removeOld: Statement
  oldest: Statement
}

function prepare(database: Database): Statements {
  return {
    find: database.prepare('SELECT sealed, used_at FROM response WHERE owner = ? AND id = ? AND used_at >= ?'),
    touch: database.prepare('UPDATE response SET used_at = ? WHERE owner = ? AND id = ?'),
    remove: database.prepare('DELETE FROM response WHERE owner = ? AND id = ?'),
    add: database.prepare('INSERT INTO response VALUES (?, ?, ?, ?, ?)'),
    total: database.prepare('SELECT count, bytes FROM response_total'),
    removeOld: database.prepare('DELETE FROM response WHERE used_at < ?'),
    oldest: database.prepare('SELECT owner, id FROM response ORDER BY used_at LIMIT 1'),
  }
}

async function get(state: State, owner: string, id: string): Promise<string | undefined> {
  flush(state)
  const { statements, limits, now } = state
  const row = statements.find.get(owner, id, now() - limits.maxAgeMs)
  if (!row) return undefined
  try {
    if (now() - Number(row.used_at) > TOUCH_EVERY_MS) statements.touch.run(now(), owner, id)
  } catch {
    // What a full disk keeps can still be read.
  }
  return state.cipher.open(String(row.sealed), place(owner, id))
}

function flush(state: State): void {
  const { statements, database, now } = state
  const writes = state.waiting
  if (writes.length === 0) return
  state.waiting = []
  try {
    database.transaction(() => {
      for (const { owner, id, sealed } of writes) {
        // Not REPLACE, which fires no trigger for the row it removes.
        statements.remove.run(owner, id)
        statements.add.run(owner, id, sealed, Buffer.byteLength(sealed), now())
      }
      trim(state)
    })
    for (const { done } of writes) done()
  } catch (error) {
    for (const { failed } of writes) failed(error)
  }
}

function trim({ statements, limits, now }: State): void {
  statements.removeOld.run(now() - limits.maxAgeMs)
  for (;;) {
    const { count, bytes } = readTotal(statements.total.get())
    const oldest = count > limits.maxCount || bytes > limits.maxBytes ? statements.oldest.get() : undefined
    if (!oldest) return
    statements.remove.run(oldest.owner ?? null, oldest.id ?? null)
  }
}

function readTotal(row: Record<string, DatabaseValue> | undefined): { count: number; bytes: number } {
  return { count: Number(row?.count ?? 0), bytes: Number(row?.bytes ?? 0) }
}
