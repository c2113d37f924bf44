import { readFile, readdir, stat } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { delay } from '../../src/lib/index.js'
import { bundleWorker, startHost, type Host, type WorkerProgram } from './support/fleet.js'
import { createRandom } from './support/random.js'
import { startStand } from './support/stand.js'

let program: WorkerProgram
beforeAll(async () => { program = await bundleWorker() })
afterAll(() => program.remove())

function host(config: Parameters<typeof startHost>[1]): Host {
  const started = startHost(program, config)
  onTestFinished(() => started.end())
  return started
}

describe('processes that share a token file', () => {
  test('exchange once for each expiry, and none of their calls fails', async () => {
    const stand = await startStand()
    await stand.store.save({ ...stand.twin.issueTokens() })
    const hosts = Array.from({ length: 8 }, () => host({ issuer: stand.twin.issuer, baseUrl: stand.twin.baseUrl, path: stand.path }))
    await Promise.all(hosts.map(({ ready }) => ready))
    for (let round = 0; round < 4; round += 1) {
      stand.twin.expireAccessTokens()
      const answers = await Promise.all(hosts.map((each) => each.call(round)))
      expect(answers.filter(({ outcome }) => outcome !== 'ok')).toEqual([])
    }
    expect(stand.twin.refreshes.map(({ outcome }) => outcome)).toEqual(['ok', 'ok', 'ok', 'ok'])
    expect(await readdir(stand.folder)).toEqual(['token.json'])
  })

  test('outlive those that are killed at any step: the next one serves or names the cause, and the file is whole and private', async () => {
    const seed = 20261122
    process.stdout.write(`seed of the kills: ${seed}\n`)
    const random = createRandom(seed)
    const stand = await startStand()
    const sign = async () => stand.store.save({ ...stand.twin.issueTokens() })
    await sign()
    for (let round = 0; round < 6; round += 1) {
      stand.twin.expireAccessTokens()
      stand.twin.enqueueRefresh({ delayBeforeMs: 15 * random(), delayAfterMs: 15 * random() })
      const victim = host({ issuer: stand.twin.issuer, baseUrl: stand.twin.baseUrl, path: stand.path })
      await victim.ready
      const refreshed = stand.twin.refreshes.length
      const call = victim.call(round).catch(() => undefined)
      await delay(60 * random())
      await victim.end()
      await call
      if (process.platform !== 'win32') expect((await stat(stand.path)).mode & 0o077).toBe(0)
      JSON.parse(await readFile(stand.path, 'utf8'))
      const next = host({ issuer: stand.twin.issuer, baseUrl: stand.twin.baseUrl, path: stand.path })
      const answer = await next.call(round)
      await next.end()
      expect(answer.wallMs).toBeLessThan(10_000)
      if (answer.outcome === 'error') {
        expect(answer).toMatchObject({ name: 'AuthenticationError', code: 'refresh_token_reused', message: expect.stringContaining(`The refresh that process ${victim.process.pid} began`) as string })
        expect(stand.twin.refreshes.slice(refreshed).some(({ committed }) => committed)).toBe(true)
        await sign()
      }
      expect((await readdir(stand.folder)).filter((name) => name.endsWith('.lock'))).toEqual([])
    }
  }, 90_000)
})
