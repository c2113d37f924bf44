import { getEventListeners } from 'node:events'
import { expect, test } from 'vitest'
import { createAbortListeners } from '../../src/lib/index.js'

test('a signal is listened to once, however many wait for it, and not at all when they have gone', () => {
  const listeners = createAbortListeners()
  const { signal } = new AbortController()
  const takeBack = Array.from({ length: 40 }, () => listeners.add(signal, () => undefined))
  expect(getEventListeners(signal, 'abort')).toHaveLength(1)
  for (const take of takeBack) take()
  expect(getEventListeners(signal, 'abort')).toEqual([])
  listeners.add(signal, () => undefined)
  expect(getEventListeners(signal, 'abort')).toHaveLength(1)
})

test('all who still wait hear of it once, the same function as often as it was added', () => {
  const listeners = createAbortListeners()
  const controller = new AbortController()
  const heard: string[] = []
  const twice = () => void heard.push('twice')
  listeners.add(controller.signal, twice)
  listeners.add(controller.signal, twice)
  const gone = listeners.add(controller.signal, () => void heard.push('gone'))
  gone()
  gone()
  controller.abort()
  controller.abort()
  listeners.add(controller.signal, () => void heard.push('late'))
  expect(heard).toEqual(['twice', 'twice'])
})

test('one that goes while the others are told takes nobody with it', () => {
  const listeners = createAbortListeners()
  const controller = new AbortController()
  const heard: number[] = []
  const takeBack = [1, 2, 3].map((number) => listeners.add(controller.signal, () => {
    heard.push(number)
    for (const take of takeBack) take()
  }))
  controller.abort()
  expect(heard).toEqual([1, 2, 3])
})
