import { spawn } from 'node:child_process'
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { openDatabase } from '../../src/lib/index.js'

async function makeFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'database-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

const TABLE = 'CREATE TABLE IF NOT EXISTS kept (name TEXT PRIMARY KEY, text TEXT) STRICT'

describe('a database file', () => {
  test.skipIf(process.platform === 'win32')('is readable by its owner alone, with its journals', async () => {
    const path = join(await makeFolder(), 'new', 'kept.db')
    const database = await openDatabase(path)
    onTestFinished(() => database.close())
    database.exec(TABLE)
    const modes = await Promise.all([path, `${path}-wal`, `${path}-shm`, join(path, '..')].map(async (name) => ((await stat(name)).mode & 0o777).toString(8)))
    expect(modes).toEqual(['600', '600', '600', '700'])
  })

  test('holds what was written, for two that have it open and after both are closed', async () => {
    const path = join(await makeFolder(), 'kept.db')
    const [one, other] = [await openDatabase(path), await openDatabase(path)]
    one.exec(TABLE)
    one.prepare('INSERT INTO kept VALUES (?, ?)').run('a', 'made up')
    expect(other.prepare('SELECT * FROM kept').all().map((row) => ({ ...row }))).toEqual([{ name: 'a', text: 'made up' }])
    for (const database of [one, other, one]) database.close()
    const again = await openDatabase(path)
    onTestFinished(() => again.close())
    expect({ ...again.prepare('SELECT text FROM kept WHERE name = ?').get('a') }).toEqual({ text: 'made up' })
  })

  test('a full disk is told as one, though it has ended the transaction already', async () => {
    const database = await openDatabase(join(await makeFolder(), 'kept.db'))
    onTestFinished(() => database.close())
    database.exec(`${TABLE}; PRAGMA max_page_count = 10`)
    const add = (name: string, length: number) => () => database.transaction(() => database.prepare('INSERT INTO kept VALUES (?, ?)').run(name, 'x'.repeat(length)))
    expect(add('large', 1_000_000)).toThrow('database or disk is full')
    expect(add('small', 10)().changes).toBe(1)
  })

  test('that another holds is waited for beside all else, and then refused with where it may lie', async () => {
    const path = join(await makeFolder(), 'kept.db')
    const holder = await openDatabase(path)
    onTestFinished(() => holder.close())
    holder.exec('PRAGMA journal_mode = DELETE; BEGIN EXCLUSIVE')
    let turns = 0
    const ticker = setInterval(() => turns++, 5)
    onTestFinished(() => clearInterval(ticker))
    await expect(openDatabase(path, { waitMs: 200 })).rejects.toThrow(/database is locked\. Another process holds it, or it lies where files cannot be locked/)
    expect(turns).toBeGreaterThan(5)
    const waiting = openDatabase(path)
    holder.exec('ROLLBACK')
    ;(await waiting).close()
  })

  test('takes back a transaction that throws', async () => {
    const database = await openDatabase(join(await makeFolder(), 'kept.db'))
    onTestFinished(() => database.close())
    database.exec(TABLE)
    const put = database.prepare('INSERT INTO kept VALUES (?, ?)')
    expect(() => database.transaction(() => {
      put.run('a', 'made up')
      put.run('a', 'again')
    })).toThrow(/UNIQUE/)
    expect(database.prepare('SELECT * FROM kept').all()).toEqual([])
  })

  test('is neither locked nor damaged after its writer was killed in the middle of a transaction', async () => {
    const path = join(await makeFolder(), 'kept.db')
    const script = `const { DatabaseSync } = require('@photostructure/sqlite')
      const database = new DatabaseSync(${JSON.stringify(path)})
      database.exec("PRAGMA journal_mode = WAL; ${TABLE}; INSERT INTO kept VALUES ('a', 'whole'); BEGIN IMMEDIATE; INSERT INTO kept VALUES ('b', 'half')")
      console.log('half')
      setInterval(() => {}, 1000)`
    const child = spawn(process.execPath, ['-e', script], { cwd: process.cwd(), stdio: ['ignore', 'pipe', 'inherit'] })
    await new Promise((resolve) => child.stdout.once('data', resolve))
    const gone = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGKILL')
    await gone
    const database = await openDatabase(path)
    onTestFinished(() => database.close())
    database.prepare('INSERT INTO kept VALUES (?, ?)').run('c', 'after')
    expect(database.prepare('SELECT name FROM kept ORDER BY name').all().map(({ name }) => name)).toEqual(['a', 'c'])
  })

  test('that is no database is refused by its name, and left as it was', async () => {
    const path = join(await makeFolder(), 'kept.db')
    await writeFile(path, 'what a person wrote '.repeat(100))
    await expect(openDatabase(path)).rejects.toMatchObject({ name: 'DatabaseError', code: 'unusable', message: expect.stringContaining(path) })
  })
})
