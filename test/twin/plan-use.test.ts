import { describe, expect, test } from 'vitest'
import { startTwin, type TwinOptions } from '../../src/twin/index.js'

const START = Date.parse('2026-11-21T09:00:00.000Z')

async function bench(planUse: TwinOptions['planUse']) {
  const clock = { ms: START }
  const twin = await startTwin({ now: () => clock.ms, ...(planUse ? { planUse } : {}) })
  const window = (minutes: number) => ({ used_percent: 0, window_minutes: minutes, reset_at: START / 1000 + minutes * 60 })
  twin.setRateLimits({ primary: window(300), secondary: window(10_080) })
  const { access_token, account_id } = twin.issueTokens({ expiresInSeconds: 1_000_000 })
  const ask = async (model: string) => {
    const response = await fetch(`${twin.baseUrl}/responses`, {
      method: 'POST', headers: { authorization: `Bearer ${access_token}`, 'chatgpt-account-id': account_id, 'content-type': 'application/json' },
      body: JSON.stringify({ model, instructions: '', input: [{ type: 'message', role: 'user', content: [{ type: 'input_text', text: 'x'.repeat(400) }] }], store: false, stream: true, reasoning: { effort: 'high' } }),
    })
    const text = await response.text()
    const usage = /"usage":(\{"input_tokens".*?\}),"user"/.exec(text)?.[1]
    return { status: response.status, told: Number(response.headers.get('x-codex-primary-used-percent')), usage: usage ? (JSON.parse(usage) as Record<string, never>) : undefined, text }
  }
  return { twin, clock, ask }
}

describe('planUse', () => {
  test('an answer draws by its tokens and its model, and is told with the next one, rounded down', async () => {
    const { twin, ask } = await bench({ holds: { primary: 100_000, secondary: 1_000_000 }, models: { 'gpt-5.4': 0.5 }, thinking: { high: 2 } })
    try {
      const first = await ask('gpt-5.5')
      const { input_tokens, output_tokens, output_tokens_details } = first.usage as unknown as { input_tokens: number; output_tokens: number; output_tokens_details: { reasoning_tokens: number } }
      expect(output_tokens_details.reasoning_tokens).toBe((2 * output_tokens) / 3)
      const drawn = (100 * (input_tokens + 8 * output_tokens)) / 100_000
      expect([first.told, twin.planUse()]).toEqual([0, { primary: drawn, secondary: drawn / 10 }])
      const second = await ask('gpt-5.4')
      expect(second.told).toBe(Math.floor(drawn * 100) / 100)
      expect(twin.planUse().primary).toBeCloseTo(drawn * 1.5, 9)
    } finally {
      await twin.close()
    }
  })

  test('a full window refuses every model until its reset, and is empty then', async () => {
    const { twin, clock, ask } = await bench({ holds: { primary: 1_000, secondary: 1_000_000 } })
    try {
      expect((await ask('gpt-5.5')).status).toBe(200)
      const refused = await ask('gpt-5.4')
      expect([refused.status, JSON.parse(refused.text)]).toEqual([429, { error: expect.objectContaining({ type: 'usage_limit_reached', resets_in_seconds: 300 * 60, limit_window_minutes: 300 }) as unknown }])
      clock.ms += 300 * 60_000
      const after = await ask('gpt-5.4')
      expect([after.status, after.told]).toEqual([200, 0])
    } finally {
      await twin.close()
    }
  })

  test('without it the windows stay as they were set', async () => {
    const { twin, ask } = await bench(undefined)
    try {
      await ask('gpt-5.5')
      expect([(await ask('gpt-5.5')).told, twin.planUse()]).toEqual([0, { primary: 0, secondary: 0 }])
    } finally {
      await twin.close()
    }
  })
})
