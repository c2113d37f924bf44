/** A program's orderly end: no word of warning, and its places are free at once. */
import { spawnSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { createAccountPlaces } from '../../src/account-storage.js'
import { createConcurrencyLimiter } from '../../src/account/index.js'
import { resolveOptions } from '../../src/config/index.js'
import { startRedis } from '../support/redis.js'

const installed = spawnSync('redis-server', ['--version']).status === 0
if (!installed) process.stderr.write('skipped: the end over Redis, because no redis-server is installed\n')

test.each(['file', ...(installed ? ['redis'] : [])])('calls that have just ended when the program closes leave no warning and no place behind: %s', async (store) => {
  const folder = await mkdtemp(join(tmpdir(), 'closing-'))
  const redis = store === 'redis' ? await startRedis(folder) : undefined
  onTestFinished(async () => {
    await redis?.stop()
    await rm(folder, { recursive: true, force: true })
  })
  const { options } = resolveOptions({ token_store: store, token_file_path: join(folder, 'token.json'), ...(redis ? { redis_url: redis.url } : {}) }, { env: {} })
  const warnings: string[] = []
  const open = (account: string) => {
    const places = createAccountPlaces(options, { AMPLIFIER_CHATGPT_STORE_KEY: Buffer.alloc(32, 7).toString('base64') })
    return { places, limiter: createConcurrencyLimiter({ ledger: places.ledger(account, (message) => warnings.push(message)) }) }
  }
  for (const [round, when] of (['before', 'before', 'during', 'before'] as const).entries()) {
    const account = `account-${round}`
    const { places, limiter } = open(account)
    const calls = await Promise.all(Array.from({ length: 6 }, () => limiter.acquire()))
    const end = () => { for (const release of calls) release() }
    if (when === 'before') end()
    const closed = limiter.close()
    if (when === 'during') end()
    await closed
    await places.close()
    const onlooker = open(account)
    const { running } = await onlooker.limiter.inspect()
    await onlooker.limiter.close()
    await onlooker.places.close()
    if (when === 'before') expect([round, running]).toEqual([round, 0])
  }
  expect(warnings).toEqual([])
})
