import type * as fs from 'node:fs/promises'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { identifyHost } from '../../src/lib/host-identity.js'
import { withFileLock } from '../../src/lib/index.js'

/** Listings of the lock's folder: how many there were, and which of them misses what is there. */
const listings = vi.hoisted(() => ({ count: 0, missing: 2 }))
vi.mock('node:fs/promises', async (load) => {
  const real = await load<typeof fs>()
  return { ...real, readdir: async (path: string) => (++listings.count === listings.missing ? [] : real.readdir(path)) }
})

test('one listing that missed a claim, because its marker gave way to its ticket meanwhile, lets nobody in', async () => {
  const place = await mkdtemp(join(tmpdir(), 'file-lock-'))
  onTestFinished(() => rm(place, { recursive: true, force: true }))
  const folder = join(place, 'lock')
  const holder = join(folder, `1-${process.pid}-${await identifyHost()}-abc`)
  await mkdir(folder)
  await writeFile(holder, '')
  let held = true
  // The first listing gives us the ticket after the holder's; the second, for our turn, misses it.
  const entered = withFileLock({ folder, place: 'it' }, async () => ({ held, listings: listings.count }))
  await vi.waitFor(() => expect(listings.count).toBeGreaterThan(2), { timeout: 10_000, interval: 1 })
  held = false
  await rm(holder)
  expect((await entered).held).toBe(false)
})
