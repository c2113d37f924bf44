import { expect, onTestFinished, test } from 'vitest'
import { createTransport } from '../../src/transport/index.js'
import { startTwin } from '../../src/twin/index.js'

test('thirty WebSockets made at once bring no warning of the process', async () => {
  const twin = await startTwin()
  onTestFinished(() => twin.close())
  const warnings: Error[] = []
  const note = (warning: Error) => void warnings.push(warning)
  process.on('warning', note)
  onTestFinished(() => void process.off('warning', note))
  const transport = createTransport({ env: {} })
  const headers = { authorization: `Bearer ${twin.issueTokens().access_token}`, 'chatgpt-account-id': twin.accountId, 'openai-beta': 'responses_websockets=2026-02-06' }
  const connections = await Promise.all(Array.from({ length: 30 }, () => transport.connect({ url: `${twin.baseUrl.replace(/^http/, 'ws')}/responses`, headers, connectMs: 15_000 })))
  for (const connection of connections) connection.close()
  await transport.close()
  // Warnings are told in a later turn.
  await new Promise((resolve) => setImmediate(resolve))
  expect(warnings).toEqual([])
})
