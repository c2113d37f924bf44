/** Whatever lies where the calls of a machine are counted: calls go on, with one warning where they are counted in this process alone. */
import { spawnSync } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createConcurrencyLimiter, createFallbackLedger, createFileLedger, createMemoryLedger } from '../../src/account/index.js'
import { createPlaceState } from '../../src/account/place-state.js'
import { openDatabase } from '../../src/lib/index.js'

const ACCOUNT = 'one'

/** A folder as a process that was here before leaves it, and the path of its file. */
async function openPlace(): Promise<{ folder: string; path: string }> {
  const home = await mkdtemp(join(tmpdir(), 'hostile-places-'))
  onTestFinished(() => rm(home, { recursive: true, force: true }))
  const folder = join(home, 'places')
  const ledger = createFileLedger({ folder, account: ACCOUNT })
  await ledger.inspect()
  await ledger.close()
  const name = (await readdir(folder)).find((file) => file.endsWith('.db')) ?? ''
  return { folder, path: join(folder, name) }
}

/** Six calls at once, of which two may run: who warned, and how many ran together at most. */
async function callOver(folder: string): Promise<{ warnings: string[]; most: number }> {
  const warnings: string[] = []
  const ledger = createFallbackLedger({
    ledger: createFileLedger({ folder, account: ACCOUNT }), local: createMemoryLedger(), warn: (_share, cause) => warnings.push(cause instanceof Error ? cause.message : String(cause)),
  })
  const limiter = createConcurrencyLimiter({ limit: 2, ledger, self: { machine: 'made-up', version: '0' } })
  let running = 0
  let most = 0
  await Promise.all(Array.from({ length: 6 }, async () => {
    const release = await limiter.acquire({ key: 'k', signal: AbortSignal.timeout(20_000) })
    most = Math.max(most, ++running)
    await new Promise((resolve) => setTimeout(resolve, 5))
    running--
    release()
  }))
  await limiter.close()
  return { warnings, most }
}

describe('a file of places', () => {
  test.each<[what: string, damage: (place: { folder: string; path: string }) => Promise<unknown>]>([
    ['is text of another', ({ path }) => writeFile(path, 'made up\n'.repeat(10_000))],
    ['was cut off', ({ path }) => truncate(path, 5000)],
    ['has tables of another', async ({ path }) => {
      await rm(path)
      const database = await openDatabase(path)
      database.exec('CREATE TABLE places (made TEXT, up TEXT)')
      database.close()
    }],
    ['is held by another program for good, as it seems to be where files cannot be locked', async ({ path }) => {
      await rm(path)
      const holder = await openDatabase(path)
      onTestFinished(() => holder.close())
      holder.exec('PRAGMA journal_mode = DELETE; BEGIN EXCLUSIVE')
    }],
    ['is a link that leads elsewhere', async ({ folder, path }) => {
      await rm(path)
      await writeFile(join(folder, 'precious'), 'made up')
      await symlink(join(folder, 'precious'), path)
    }],
    ['is a folder', async ({ path }) => {
      await rm(path)
      await mkdir(path)
    }],
    ['lies in a folder that is a file', async ({ folder }) => {
      await rm(folder, { recursive: true })
      await writeFile(folder, 'made up')
    }],
  ])('that %s is left alone, with one warning that names it: the calls are counted in this process', async (_what, damage) => {
    const place = await openPlace()
    // A journal would mend what is done to the file.
    for (const journal of ['-wal', '-shm']) await rm(`${place.path}${journal}`, { force: true })
    await damage(place)
    const { warnings, most } = await callOver(place.folder)
    expect([most, warnings]).toEqual([2, [expect.stringContaining('places')]])
    expect(await readFile(join(place.folder, 'precious'), 'utf8').catch(() => 'made up')).toBe('made up')
  })

  const isLinux = process.platform === 'linux'

  test.runIf(isLinux)('that is a pipe is left alone too', async () => {
    const { folder, path } = await openPlace()
    await rm(path)
    expect(spawnSync('mkfifo', [path]).status).toBe(0)
    expect(await callOver(folder)).toEqual({ most: 2, warnings: [expect.stringContaining(folder)] })
  })

  test.runIf(isLinux)('whose folder may not be made is counted in this process', async () => {
    expect(await callOver('/sys/made-up')).toEqual({ most: 2, warnings: [expect.stringContaining('/sys/made-up')] })
  })

  const owner = { name: 'ghost', machine: 'm', pid: 1, version: '0', seq: 1, most: 2, running: 2, sinceMs: 0, granted: [] }
  test.each<[what: string, state: string, seenMs?: number]>([
    ['no state', 'made up'], ['a list', '[null]'], ['numbers that are none', '{"cutTo":"NaN","pauseUntilMs":1e999,"owners":[null,5]}'],
    ['a pause without an end and a cut in the future', JSON.stringify({ ...createPlaceState(), pauseUntilMs: 1e15, cutAtMs: 1e15, countedSinceMs: 1e15 })],
    ['a process that holds all and was never heard of', JSON.stringify({ ...createPlaceState(), owners: [owner] })],
    ['a process that holds all and was heard of in the future', JSON.stringify({ ...createPlaceState(), owners: [owner] }), 1e15],
    ['a process that runs fewer than none and allows nobody anything', JSON.stringify({ ...createPlaceState(), owners: [{ ...owner, running: -1e12, most: -5 }] }), -1e15],
    ['waiters of nobody', JSON.stringify({ ...createPlaceState(), background: [{ key: 'k', waiters: Array.from({ length: 5000 }, (_value, at) => ({ id: `${at}`, owner: 'nobody', sinceMs: 1e15 })) }] })],
  ])('in which somebody has written %s delays nobody for longer than a lease', async (_what, state, seenMs) => {
    const { folder, path } = await openPlace()
    const database = await openDatabase(path)
    database.prepare('INSERT OR REPLACE INTO places (account, state) VALUES (?, ?)').run(ACCOUNT, state)
    if (seenMs !== undefined) database.prepare('INSERT OR REPLACE INTO seen (account, owner, at_ms) VALUES (?, ?, ?)').run(ACCOUNT, 'ghost', seenMs)
    database.close()
    const startedMs = performance.now()
    const { most, warnings } = await callOver(folder)
    expect([most <= 2, warnings]).toEqual([true, []])
    expect(performance.now() - startedMs).toBeLessThan(15_000)
  })
})
