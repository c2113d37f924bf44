import { expect, test } from 'vitest'
import type { ConcurrencyLimiter, FleetStatus } from '../../src/account/index.js'
import { checkFleet } from '../../src/cli/fleet.js'

const member = (machine: string, pid: number, version: string, running: number) => ({ machine, pid, version, running, waiting: 1, since_seconds: 60 })

const STATUS: FleetStatus = {
  scope: 'account', limit: 6, configured: 6, cut: false, paused_seconds: 0, running: 6, waiting: { interactive: 0, background: 2 }, longest_wait_seconds: 3,
  machines: 2, members: [member('aa', 1, '0.2.0', 4), member('bb', 2, '0.1.9', 2)],
  server: { place: 'redis://127.0.0.1:6379', latency_ms: 80, clock_offset_ms: -7000 },
}

async function check(inspect: () => Promise<FleetStatus>): Promise<string[][]> {
  const notes: string[][] = []
  await checkFleet({ limiter: { inspect } as ConcurrencyLimiter }, (...note) => void notes.push(note))
  return notes
}

test('doctor warns of a slow server, of a clock that is off by seconds and of mixed versions, and names who holds what', async () => {
  expect(await check(async () => STATUS)).toEqual([
    ['fleet', 'ok', 'all processes that share the Redis: 6 running, 2 waiting, 2 processes on 2 machines'],
    ['fleet latency', 'warning', '80 ms to redis://127.0.0.1:6379'],
    ['fleet clock', 'warning', '7000 ms behind redis://127.0.0.1:6379; places go by the server\'s clock'],
    ['fleet versions', 'warning', '0.1.9, 0.2.0'],
    ['fleet holder', 'ok', 'process 1 on aa: 4 running, 1 waiting'],
    ['fleet holder', 'ok', 'process 2 on bb: 2 running, 1 waiting'],
  ])
})

test('doctor finds nothing to say where all is well, and an error where the places cannot be read', async () => {
  const { server: _server, ...well } = STATUS
  expect((await check(async () => ({ ...well, scope: 'machine', members: [member('aa', 1, '0.2.0', 6)] }))).map(([name, result]) => `${name} ${result}`)).toEqual(['fleet ok', 'fleet versions ok', 'fleet holder ok'])
  expect(await check(async () => Promise.reject(new Error('away')))).toEqual([['fleet', 'error', 'away']])
})
