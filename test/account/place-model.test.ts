import { spawnSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { startRedis } from '../support/redis.js'
import { runPlaceModel, type Fault } from './support/place-model.js'

const redisInstalled = spawnSync('redis-server', ['--version']).status === 0
if (!redisInstalled) process.stderr.write('skipped: the model of places, because no redis-server is installed\n')

/** Seeds of the suite; more by PLACE_MODEL_SEEDS="100-200". */
function listSeeds(): number[] {
  const [from = 1, to = from] = (process.env['PLACE_MODEL_SEEDS'] ?? '').split('-').filter(Boolean).map(Number)
  return Array.from({ length: to - from + 1 }, (_, at) => from + at)
}

const WITHOUT_OUTAGES: Partial<Record<Fault, number>> = { kill: 3, pause: 2, hiccup: 3, slow: 2, clock: 1 }
const ALL: Partial<Record<Fault, number>> = { ...WITHOUT_OUTAGES, cut: 2, silent: 2, restart: 2, stall: 1 }

async function runModel(seed: number, weights: Partial<Record<Fault, number>>) {
  const folder = await mkdtemp(join(tmpdir(), 'place-model-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const redis = await startRedis(folder)
  onTestFinished(() => redis.stop())
  return runPlaceModel({ url: redis.url, seed, seconds: 70, weights })
}

describe.skipIf(!redisInstalled).each(listSeeds())('over made-up lives, in virtual time (seed %i)', (seed) => {
  test('kills, pauses, slow lines and a clock that is set: never more than the limit, dead places come back, nobody starves', async () => {
    const { broken, returnedMs, usedAtEnd, starved, unfairness } = await runModel(seed, WITHOUT_OUTAGES)
    expect({ broken, starved }).toEqual({ broken: [], starved: [] })
    expect(Math.max(0, ...returnedMs)).toBeLessThan(5000)
    expect(usedAtEnd).toBeGreaterThan(0.95)
    expect(unfairness).toBeLessThan(3)
  })

  test('partitions and restarts too: no more than the limit and a share for each that is cut off, and all comes back', async () => {
    const { broken, usedAtEnd, starved } = await runModel(seed, ALL)
    expect({ broken, starved }).toEqual({ broken: [], starved: [] })
    expect(usedAtEnd).toBeGreaterThan(0.95)
  })
})
