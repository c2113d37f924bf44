import { expect, test } from 'vitest'
import { LightAbortSignal, delay, orAbort, toAbortSignal } from '../../src/lib/index.js'

test('aborts once, with the first reason, and tells each listener once', () => {
  const signal = new LightAbortSignal()
  const heard: string[] = []
  const listener = () => void heard.push('function')
  signal.addEventListener('abort', listener)
  signal.addEventListener('abort', listener)
  signal.addEventListener('abort', { handleEvent: () => void heard.push('object') })
  signal.addEventListener('other', () => void heard.push('other'))
  signal.onabort = () => void heard.push('property')
  signal.throwIfAborted()
  signal.abort('first')
  signal.abort('second')
  expect({ heard, aborted: signal.aborted, reason: signal.reason }).toEqual({ heard: ['property', 'function', 'object'], aborted: true, reason: 'first' })
  expect(() => signal.throwIfAborted()).toThrow('first')
})

test('a listener that was taken back hears nothing', () => {
  const signal = new LightAbortSignal()
  const heard: string[] = []
  const listener = () => void heard.push('x')
  signal.addEventListener('abort', listener)
  signal.removeEventListener('abort', listener)
  signal.abort('now')
  expect(heard).toEqual([])
})

test('what waits with Node\'s own signals waits with it too', async () => {
  const signal = new LightAbortSignal()
  const waits = [delay(60_000, { signal }), orAbort(new Promise(() => undefined), signal)]
  const node = toAbortSignal(signal)
  const any = AbortSignal.any([node])
  signal.abort(new Error('stopped'))
  expect(await Promise.allSettled(waits)).toEqual(waits.map(() => ({ status: 'rejected', reason: new Error('stopped') })))
  expect([node.aborted, any.reason, toAbortSignal(signal).reason]).toEqual([true, new Error('stopped'), new Error('stopped')])
})
