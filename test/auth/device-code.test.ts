import { describe, expect, test } from 'vitest'
import { createCredentialSource, signInWithDeviceCode, type DeviceCodePrompt } from '../../src/auth/index.js'
import { startStand, type Stand } from './support/stand.js'

const MINUTE = 60_000

/** Waiting moves the clock and takes no time. */
function begin(stand: Stand, options: { onWait?: (round: number, ms: number) => void; signal?: AbortSignal } = {}) {
  const clock = { ms: Date.UTC(2026, 10, 20) }
  const prompts: DeviceCodePrompt[] = []
  const waits: number[] = []
  const signedIn = signInWithDeviceCode({
    transport: stand.transport,
    issuer: stand.lane.issuer,
    clientId: stand.lane.clientId,
    now: () => clock.ms,
    show: (prompt) => prompts.push(prompt),
    delay: async (ms, { signal } = {}) => {
      clock.ms += ms
      waits.push(ms)
      options.onWait?.(waits.length, ms)
      signal?.throwIfAborted()
    },
    ...(options.signal ? { signal: options.signal } : {}),
  })
  return { clock, prompts, waits, signedIn }
}

const polls = (stand: Stand) => stand.twin.requests.filter((request) => request.path === '/api/accounts/deviceauth/token')

describe('the device code', () => {
  test('is shown, waited for through 403 and 404, exchanged and saved', async () => {
    const stand = await startStand({ twin: { deviceCode: { approveAfterPolls: 4, intervalSeconds: 7 } } })
    const { prompts, waits, signedIn, clock } = begin(stand)
    const signIn = await signedIn
    expect(prompts).toEqual([{
      url: `${stand.twin.url}/codex/device`,
      userCode: 'TWIN-0001',
      expiresAtMs: Date.UTC(2026, 10, 20) + 15 * MINUTE,
      text: expect.stringContaining('switch device codes on in ChatGPT under\nSettings → Security') as string,
    }])
    expect(waits).toEqual([7000, 7000, 7000, 7000])
    expect(polls(stand).map((request) => request.status)).toEqual([403, 404, 403, 404, 200])
    const source = createCredentialSource({ lane: stand.lane, store: stand.store, transport: stand.transport, now: () => clock.ms })
    const credential = await source.accept(signIn)
    expect(credential).toMatchObject({ lane: 'codex', accountId: stand.twin.accountId, planType: 'plus' })
    expect(await stand.store.load()).toMatchObject({ state: 'present', record: { auth_mode: 'oauth', lane: 'codex', issuer: stand.twin.url, base_url: stand.twin.url } })
    expect((await source.current()).accessToken).toBe(credential.accessToken)
  })

  test('that is not switched on says where to switch it on', async () => {
    const stand = await startStand({ twin: { deviceCode: { enabled: false } } })
    const { signedIn, prompts } = begin(stand)
    await expect(signedIn).rejects.toMatchObject({
      name: 'AuthenticationError', code: 'device_code_not_enabled', status_code: 404,
      message: expect.stringMatching(/Settings → Security → device code sign-in.*login --browser/) as string,
    })
    expect(prompts).toEqual([])
  })

  test('ends after fifteen minutes without anybody typing it', async () => {
    const stand = await startStand({ twin: { deviceCode: { intervalSeconds: 60 } } })
    const { signedIn, clock } = begin(stand)
    await expect(signedIn).rejects.toMatchObject({ name: 'LLMTimeoutError', code: 'device_code_expired', retryable: false })
    expect(clock.ms).toBeLessThanOrEqual(Date.UTC(2026, 10, 20) + 15 * MINUTE)
    expect(polls(stand).length).toBe(15)
  })

  test('survives a network that is cut and comes back', async () => {
    const stand = await startStand({ twin: { deviceCode: { approveAfterPolls: 1 } } })
    const { signedIn, waits } = begin(stand, { onWait: (round) => {
      if (round === 1) stand.twin.refuse('/api/accounts/deviceauth/token', { reset: true, times: 3 })
    } })
    await signedIn
    expect(waits.length).toBe(4)
  })

  test('survives a server that is overloaded for a while', async () => {
    const stand = await startStand({ twin: { deviceCode: { approveAfterPolls: 1 } } })
    stand.twin.refuse('/api/accounts/deviceauth/token', { status: 503, times: 2 })
    const { signedIn } = begin(stand)
    await signedIn
    expect(polls(stand).map((request) => request.status)).toEqual([503, 503, 403, 200])
  })

  test('that was declined ends at once', async () => {
    const stand = await startStand()
    const { signedIn } = begin(stand, { onWait: () => stand.twin.denyDevice() })
    await expect(signedIn).rejects.toMatchObject({ name: 'AuthenticationError', code: 'access_denied' })
  })

  test('is given up with Ctrl-C, and the sign-in that was there stays', async () => {
    const stand = await startStand()
    const tokens = stand.twin.issueTokens()
    await stand.store.save({ ...tokens })
    const controller = new AbortController()
    const { signedIn } = begin(stand, { signal: controller.signal, onWait: (round) => { if (round === 2) controller.abort() } })
    await expect(signedIn).rejects.toMatchObject({ name: 'AbortError' })
    expect(await stand.store.load()).toMatchObject({ state: 'present', record: { refresh_token: tokens.refresh_token } })
  })

  test('cannot be asked for where nobody answers', async () => {
    const stand = await startStand()
    await stand.twin.close()
    await expect(begin(stand).signedIn).rejects.toMatchObject({ name: 'NetworkError' })
  })
})
