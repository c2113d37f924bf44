import { afterEach, describe, expect, test, vi } from 'vitest'
import { accountUrl } from '../../src/account/account-usage.js'
import { openCommandLine, type CommandLine } from '../cli/support.js'
import { ask, mountOnTwin, type Mounted } from '../support/mounted.js'

const USAGE = '/backend-api/wham/usage'
const CONSUME = '/backend-api/wham/rate-limit-reset-credits/consume'
const opened: (Mounted | CommandLine)[] = []
afterEach(async () => {
  await Promise.all(opened.splice(0).map((one) => one.close()))
})

test.each([
  ['https://chatgpt.com/backend-api/codex', 'https://chatgpt.com/backend-api/wham/usage'],
  ['http://127.0.0.1:1/backend-api', 'http://127.0.0.1:1/backend-api/wham/usage'],
  ['https://gateway.example/codex', 'https://gateway.example/api/codex/usage'],
  ['https://gateway.example/x', 'https://gateway.example/x/api/codex/usage'],
])('the usage of %s is asked for at %s', (base, url) => {
  expect(accountUrl(base, 'usage')).toBe(url)
})

describe('the command line', () => {
  const open = async () => {
    const cli = await openCommandLine()
    opened.push(cli)
    await cli.run(['login', '--device'])
    return cli
  }

  test('status asks nobody, status --live the usage endpoint: windows, credits and banked resets', async () => {
    const cli = await open()
    const reset = Math.floor(Date.now() / 1000) + 3600
    cli.twin.setRateLimits({
      primary: { used_percent: 61, window_minutes: 300, reset_at: reset }, secondary: { used_percent: 7, window_minutes: 10_080, reset_at: reset + 90_000 },
      credits: { has_credits: true, unlimited: false, balance: '12.50' }, reset_credits: 2,
    })
    await cli.run(['status'])
    const asked = () => cli.twin.requests.filter(({ path }) => path === USAGE).length
    expect(asked()).toBe(0)
    const { code, stdout } = await cli.run(['status', '--live', '--json'])
    const value = JSON.parse(stdout) as { usage: unknown; quota: { limit_id: string; window_minutes: number; used_percent: number; source: string }[] }
    expect([code, asked()]).toEqual([0, 1])
    expect(value.usage).toEqual({ plan_type: 'plus', credits: { has_credits: true, unlimited: false, balance: '12.50' }, banked_resets: 2 })
    expect(value.quota.map(({ limit_id, window_minutes, used_percent, source }) => [limit_id, window_minutes, used_percent, source])).toEqual([
      ['codex', 300, 61, 'usage'], ['codex', 10_080, 7, 'usage'],
    ])
    expect((await cli.run(['status', '--live'])).stdout).toMatch(/credits +12\.50\nbanked resets +2 /)
  })

  test('redeem-reset spends one reset, and nothing else does', async () => {
    const cli = await open()
    const reset = Math.floor(Date.now() / 1000) + 3600
    cli.twin.setRateLimits({ primary: { used_percent: 97, window_minutes: 300, reset_at: reset }, secondary: null, reset_credits: 1 })
    await cli.run(['status', '--live'])
    expect(cli.twin.requests.filter(({ path }) => path === CONSUME)).toEqual([])
    const { code, stdout } = await cli.run(['redeem-reset', '--json'])
    expect([code, JSON.parse(stdout)]).toMatchObject([0, { code: 'reset', windows_reset: 1, banked_resets: 0, quota: [{ used_percent: 0 }] }])
    const again = await cli.run(['redeem-reset'])
    expect([again.code, again.stderr]).toEqual([2, expect.stringContaining('no banked reset')])
    expect(cli.twin.requests.filter(({ path }) => path === CONSUME)).toHaveLength(1)
  })

  test('on another lane the endpoint is missed by name', async () => {
    const cli = await open()
    const { code, stderr } = await cli.run(['status', '--live', '--lane', 'api_key', '--config', 'api_key=sk-made-up', '--config', `base_url=${cli.twin.apiBaseUrl}`])
    expect([code, stderr]).toEqual([2, expect.stringContaining('lane api_key has no usage endpoint')])
  })
})

describe('a mount', () => {
  test('asks the endpoint behind its calls only while a window is near its end, once a minute', async () => {
    const clock = { ms: Date.now() }
    const mounted = await mountOnTwin({ parts: { now: () => clock.ms } })
    opened.push(mounted)
    const { twin, provider } = mounted
    const reset = Math.floor(clock.ms / 1000) + 9000
    const asked = () => twin.requests.filter(({ path }) => path === USAGE).length
    const call = async (used: number) => {
      twin.setRateLimits({ primary: { used_percent: used, window_minutes: 300, reset_at: reset } })
      await provider.complete(ask('hello'))
    }
    for (const used of [20, 89]) await call(used)
    await call(91)
    await vi.waitFor(() => expect(asked()).toBe(1), 10_000)
    await call(92)
    clock.ms += 61_000
    await call(93)
    await vi.waitFor(() => expect(asked()).toBe(2), 10_000)
  })
})
