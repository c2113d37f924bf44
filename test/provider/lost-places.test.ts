import { expect, onTestFinished, test, vi } from 'vitest'
import type { CallObserver, CallPhase } from '../../src/contract/index.js'
import { ask, mount } from '../support/mounted.js'

/** Stands still for longer than a lease between the place and the request, the first time. */
function sleepBeforeSending(): { observer: CallObserver; phases: CallPhase[] } {
  vi.useFakeTimers({ toFake: ['Date'] })
  onTestFinished(() => void vi.useRealTimers())
  const phases: CallPhase[] = []
  const observer: CallObserver = {
    begin: () => ({
      phase(phase) {
        if (phase === 'connecting' && !phases.includes(phase)) vi.setSystemTime(Date.now() + 4000)
        phases.push(phase)
      },
      chunk: () => undefined, attemptEnded: () => undefined, ended: () => undefined,
    }),
  }
  return { observer, phases }
}

test.each(['sse', 'websocket'] as const)('a call whose process stood still for a lease before its request left asks for a place anew, and is sent once (%s)', async (transport) => {
  const { observer, phases } = sleepBeforeSending()
  const { provider, twin } = await mount({ config: { transport }, parts: { observers: [observer] } })
  const { metadata } = await provider.complete(ask('hello'))
  expect(phases).toEqual(['queued', 'connecting', 'queued', 'connecting', 'waiting', 'streaming'])
  expect(twin.responses()).toHaveLength(1)
  expect(metadata?.route).toMatchObject({ attempts: [{ transport, outcome: 'ok' }] })
})

test('with concurrency_scope process nobody else has been given the place, and the request leaves', async () => {
  const { observer, phases } = sleepBeforeSending()
  const { provider } = await mount({ config: { concurrency_scope: 'process' }, parts: { observers: [observer] } })
  await provider.complete(ask('hello'))
  expect(phases).toEqual(['queued', 'connecting', 'waiting', 'streaming'])
})
