import { expect, test } from 'vitest'
import { createHost } from '../src/host/index.js'
import { getProvider } from '../src/index.js'
import { mountOn, openTwin } from './lanes/support.js'

test('a mounted provider is handed out with its type', async () => {
  const { host, provider } = await mountOn(await openTwin())
  expect(getProvider(host.coordinator)).toBe(provider)
})

test('what is not mounted is told by name, with what is', async () => {
  const host = createHost({ warn: () => undefined })
  await host.coordinator.mount('providers', { name: 'other' }, { name: 'other' })
  expect(() => getProvider(host.coordinator, 'work')).toThrow(expect.objectContaining({
    name: 'ConfigurationError', code: 'not_mounted',
    message: "no provider of amplifier-module-provider-openai-chatgpt is mounted as work; mounted are other. The host's warnings say why a mount failed [not_mounted]",
  }) as Error)
  expect(() => getProvider(host.coordinator, 'other')).toThrow(/mounted are other/)
})
