import { join } from 'node:path'
import { expect } from 'vitest'
import { createLane, signInWithDeviceCode, tokenFilePath, type DeviceCodePrompt } from '../../src/auth/index.js'
import { createTransport } from '../../src/transport/index.js'
import { startTwin } from '../../src/twin/index.js'

/** Who signs in where: names and paths that both programs must agree on to use one sign-in. */
export async function showsWhereCodexSignsIn(): Promise<void> {
  const { issuer, clientId, baseUrl } = createLane('codex', {})
  expect([issuer, clientId, baseUrl]).toEqual(['https://auth.openai.com', 'app_EMoamEEZ73f0CkXaXp7hrann', 'https://chatgpt.com/backend-api/codex'])
  expect(tokenFilePath({ lane: 'codex', folder: '/home/me/.amplifier' })).toBe(join('/home/me/.amplifier', 'openai-chatgpt-oauth.json'))
  const twin = await startTwin({ deviceCode: { approveAfterPolls: 1, intervalSeconds: 5 } })
  const transport = createTransport({ env: {} })
  const shown: string[] = []
  const waits: number[] = []
  try {
    const show = ({ url }: DeviceCodePrompt) => void shown.push(url)
    await signInWithDeviceCode({ transport, issuer: twin.issuer, clientId, show, delay: async (ms) => void waits.push(ms) })
    expect([...new Set(twin.requests.map(({ path }) => path))]).toEqual(['/api/accounts/deviceauth/usercode', '/api/accounts/deviceauth/token', '/oauth/token'])
    expect([shown, waits[0]]).toEqual([[`${twin.issuer}/codex/device`], 5000])
    expect(twin.requests.find(({ path }) => path === '/oauth/token')?.body).toMatchObject({ client_id: clientId, redirect_uri: `${twin.issuer}/deviceauth/callback` })
  } finally {
    await transport.close()
    await twin.close()
  }
}
