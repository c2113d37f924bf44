import { mkdir, readdir, rm, rmdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { identifyHost } from '../../src/lib/host-identity.js'
import { withFileLock } from '../../src/lib/index.js'
import { testFolder } from '../auth/support/folder.js'

const DEAD_PID = 2 ** 22 + 17

async function lockIn() {
  const folder = join(await testFolder(), 'token.json.lock')
  return { folder, options: { folder, place: 'token.json' } }
}

test('sixty who want it hold it one after the other, and nothing is left behind', async () => {
  const { folder, options } = await lockIn()
  let inside = 0
  let most = 0
  const order: number[] = []
  await Promise.all(Array.from({ length: 60 }, (_, index) => withFileLock(options, async () => {
    inside += 1
    most = Math.max(most, inside)
    order.push(index)
    await new Promise((resolve) => setImmediate(resolve))
    inside -= 1
  })))
  expect(most).toBe(1)
  expect(order.length).toBe(60)
  await expect(readdir(folder)).rejects.toMatchObject({ code: 'ENOENT' })
})

test('the folder may vanish at any moment before a claim stands in it', async () => {
  const { folder, options } = await lockIn()
  let locking = true
  const removing = (async () => {
    while (locking) {
      await rmdir(folder).catch(() => undefined)
      await new Promise((resolve) => setImmediate(resolve))
    }
  })()
  let held = 0
  for (let round = 0; round < 150; round++) await withFileLock(options, async () => { held += 1 })
  locking = false
  await removing
  expect(held).toBe(150)
})

test('work that throws lets the next one in', async () => {
  const { options } = await lockIn()
  await expect(withFileLock(options, async () => { throw new Error('boom') })).rejects.toThrow('boom')
  expect(await withFileLock(options, async () => 7)).toBe(7)
})

describe('a lock whose holder died', () => {
  test('is broken at once where its process is gone from this machine', async () => {
    const { folder, options } = await lockIn()
    await mkdir(folder)
    await writeFile(join(folder, `1-${DEAD_PID}-${await identifyHost()}-abc`), '')
    expect(await withFileLock(options, async (lock) => lock.held())).toBe(true)
  })

  test('is broken after its heartbeat has stopped, where nobody can ask for its process', async () => {
    const { folder, options } = await lockIn()
    await mkdir(folder)
    await writeFile(join(folder, '1-7-0123456789-abc'), '')
    const clock = { ms: 0 }
    const held = withFileLock({ ...options, monotonic: () => (clock.ms += 100) }, async () => clock.ms)
    expect(await held).toBeGreaterThan(6000)
    expect(clock.ms).toBeLessThan(10_000)
  })

  test('is broken by many at once, of whom each holds it alone', async () => {
    const { folder, options } = await lockIn()
    await mkdir(folder)
    await writeFile(join(folder, `1-${DEAD_PID}-${await identifyHost()}-abc`), '')
    await writeFile(join(folder, `choosing-${DEAD_PID}-${await identifyHost()}-def`), '')
    let inside = 0
    let most = 0
    await Promise.all(Array.from({ length: 20 }, () => withFileLock(options, async () => {
      inside += 1
      most = Math.max(most, inside)
      await new Promise((resolve) => setImmediate(resolve))
      inside -= 1
    })))
    expect(most).toBe(1)
  })
})

test('a live holder is not waited for forever; the error names its process and what to do', async () => {
  const { options } = await lockIn()
  let release: () => void = () => undefined
  let first: Promise<void> = Promise.resolve()
  await new Promise<void>((begun) => {
    first = withFileLock(options, () => new Promise<void>((resolve) => {
      release = resolve
      begun()
    }))
  })
  await expect(withFileLock({ ...options, waitMs: 0 }, async () => 1)).rejects.toMatchObject({
    name: 'FileLockError', code: 'locked',
    message: `token.json is locked by process ${process.pid}. Try again; if no such process runs, remove ${options.folder}`,
  })
  release()
  await first
})

test('who was taken for dead learns that the lock is no longer theirs', async () => {
  const { folder, options } = await lockIn()
  expect(await withFileLock(options, async (lock) => {
    for (const name of await readdir(folder)) await rm(join(folder, name))
    return lock.held()
  })).toBe(false)
})
