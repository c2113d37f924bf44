import { expect, test } from 'vitest'
import { createCredentialSource, createFileStore, createLane } from '../../src/auth/index.js'
import { isLLMError } from '../../src/contract/index.js'
import { delay } from '../../src/lib/index.js'
import { mountOnHost } from '../../src/mount-on-host.js'
import { createTransport } from '../../src/transport/index.js'

interface Outcome {
  asked: number
  wrong: string[]
}
interface Streams { fuzzStreams(rooms: object, options: { seed: number; more: (count: number) => boolean; only?: number }): Promise<Outcome> }
interface Refreshes { fuzzRefreshes(rooms: object, options: { seed: number; more: (count: number) => boolean; only?: number }): Promise<Outcome> }

const rooms = { mountOnHost, isLLMError, delay, createCredentialSource, createFileStore, createLane, createTransport }
/** The same cases on each machine; `npm run fuzz` takes others. */
const seed = Number(process.env['FUZZ_SEED'] ?? 20261121)
const { fuzzStreams } = (await import('./streams.mjs' as string)) as Streams
const { fuzzRefreshes } = (await import('./refreshes.mjs' as string)) as Refreshes

/** A short run of `npm run fuzz`, as many as a slow machine does in time. */
test(`mutated answers of seed ${seed} bring no wrong answer, no repetition, no hang and no untyped error`, async () => {
  const until = performance.now() + 6000
  const { asked, wrong } = await fuzzStreams(rooms, { seed, more: (count) => count < 400 && performance.now() < until })
  expect(wrong).toEqual([])
  expect(asked).toBeGreaterThan(8)
}, 60_000)

test(`mutated refresh replies of seed ${seed} lose no sign-in`, async () => {
  const until = performance.now() + 3000
  const { asked, wrong } = await fuzzRefreshes(rooms, { seed, more: (count) => count < 60 && performance.now() < until })
  expect(wrong).toEqual([])
  expect(asked).toBeGreaterThan(3)
}, 60_000)
