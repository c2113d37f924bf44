import { expect, onTestFinished, test } from 'vitest'
import type { ConcurrencyLimiter, FleetStatus } from '../../src/account/index.js'
import { checkFleet } from '../../src/cli/fleet.js'
import { freePort } from '../support/redis.js'
import { openCommandLine } from './support.js'

const member = (machine: string, pid: number, version: string, running: number) => ({ machine, pid, version, running, waiting: 1, since_seconds: 60, silent_seconds: 0, idle: false, dead: false })
const idle = (machine: string, pid: number, version: string) => ({ machine, pid, version, running: 0, waiting: 0, silent_seconds: 20, idle: true, dead: false })

const STATUS: FleetStatus = {
  scope: 'account', limit: 6, configured: 6, cut: false, paused_seconds: 0, running: 6, waiting: { interactive: 0, background: 2 }, longest_wait_seconds: 3,
  machines: 2, members: [member('aa', 1, '0.2.0', 4), member('bb', 2, '0.1.9', 2), idle('cc', 3, '0.1.8')],
  server: { place: 'redis://127.0.0.1:6379', latency_ms: 80, clock_offset_ms: -7000 },
}

async function check(inspect: () => Promise<FleetStatus>): Promise<string[][]> {
  const notes: string[][] = []
  await checkFleet({ limiter: { inspect } as ConcurrencyLimiter }, (...note) => void notes.push(note))
  return notes
}

test('doctor warns of a slow server, of a clock that is off by seconds and of mixed versions, and names who holds what', async () => {
  expect(await check(async () => STATUS)).toEqual([
    ['fleet', 'ok', 'all processes that share the Redis: 6 running, 2 waiting, 2 processes with calls on 2 machines (2 heard of in the last ten minutes), 1 idle'],
    ['fleet latency', 'warning', '80 ms to redis://127.0.0.1:6379'],
    ['fleet clock', 'warning', '7000 ms behind redis://127.0.0.1:6379; places go by the server\'s clock'],
    ['fleet versions', 'warning', '0.1.8, 0.1.9, 0.2.0'],
    ['fleet holder', 'ok', 'process 1 on aa: 4 running, 1 waiting'],
    ['fleet holder', 'ok', 'process 2 on bb: 2 running, 1 waiting'],
  ])
})

test('doctor finds nothing to say where all is well, and an error where the places cannot be read', async () => {
  const { server: _server, ...well } = STATUS
  expect((await check(async () => ({ ...well, scope: 'machine', members: [member('aa', 1, '0.2.0', 6)] }))).map(([name, result]) => `${name} ${result}`)).toEqual(['fleet ok', 'fleet versions ok', 'fleet holder ok'])
  expect(await check(async () => Promise.reject(new Error('away')))).toEqual([['fleet', 'error', 'away']])
})

test('fleet status tells a Redis that is away from a sign-in that is missing, and what counts meanwhile', async () => {
  const line = await openCommandLine()
  onTestFinished(() => line.close())
  const url = `redis://127.0.0.1:${await freePort()}`
  const redis = ['--config', 'token_store=redis', '--config', `redis_url=${url}`]
  const env = { AMPLIFIER_CHATGPT_STORE_KEY: Buffer.alloc(32, 7).toString('base64') }
  const away = await line.run(['fleet', 'status', ...redis], { env })
  expect([away.code, away.stdout]).toEqual([5, [
    `${url} cannot be reached (connect ECONNREFUSED ${new URL(url).host}); the sign-in is neither read nor refreshed until it can. Check the server and the network`,
    'meanwhile         each machine runs its share: max_concurrency (6) divided by the machines it heard of in the last ten minutes, one call at least; one where it has heard of none',
    '',
  ].join('\n')])
  expect(JSON.parse((await line.run(['fleet', 'status', '--json', ...redis], { env })).stdout)).toMatchObject({ reachable: false, message: expect.stringContaining(url) })
  const missing = await line.run(['fleet', 'status'])
  expect([missing.code, missing.stdout]).toEqual([3, expect.stringContaining('nobody is signed in')])
})
