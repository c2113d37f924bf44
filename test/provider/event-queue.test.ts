import { describe, expect, test } from 'vitest'
import type { StreamEvent } from '../../src/contract/index.js'
import { EventQueue } from '../../src/provider/event-queue.js'

const frame = (seq: number) => ({ ts: '', session_id: '', seq })
const delta = (seq: number): StreamEvent => ({ type: 'text.delta', text: `${seq}`, ...frame(seq) })
const end = (seq: number): StreamEvent => ({ type: 'message.end', usage: null, degradations: [], ...frame(seq) })
const takeAll = (queue: EventQueue): StreamEvent[] => {
  const event = queue.take()
  return event ? [event, ...takeAll(queue)] : []
}

describe('the queue between a call and its reader', () => {
  test('hands out batches one event at a time, in order, and is empty once each was taken', () => {
    const queue = new EventQueue()
    expect([queue.isEmpty, queue.opened]).toEqual([true, false])
    queue.open()
    queue.push([delta(0), delta(1)])
    queue.push([])
    queue.push([delta(2)])
    const seen: [number | undefined, boolean][] = []
    for (let n = 0; n < 4; n++) seen.push([queue.take()?.seq, queue.isEmpty])
    expect(seen).toEqual([[0, false], [1, false], [2, true], [undefined, true]])
    expect(queue.opened).toBe(true)
  })

  test('keeps what comes before anybody asks for events', () => {
    const queue = new EventQueue()
    queue.push([delta(0)])
    expect(takeAll(queue)).toEqual([delta(0)])
  })

  test('answers readers in the order they asked, and keeps what is left over', async () => {
    const queue = new EventQueue()
    const readers = [queue.next(), queue.next()]
    queue.push([delta(0), delta(1), delta(2)])
    expect(await Promise.all(readers)).toEqual([{ done: false, value: delta(0) }, { done: false, value: delta(1) }])
    expect(takeAll(queue)).toEqual([delta(2)])
  })

  test('answers those who wait at the end once the run is over, with its failure where it has one', async () => {
    const queue = new EventQueue()
    const waiting = queue.next()
    queue.end(Promise.resolve('whatever'))
    expect(await waiting).toEqual({ done: true, value: undefined })
    const failing = queue.next()
    queue.end(Promise.reject(new Error('the run failed')))
    await expect(failing).rejects.toThrow('the run failed')
    queue.push([delta(0)])
    expect(takeAll(queue)).toEqual([delta(0)])
  })

  test('drops what is here and what comes while it is closed, and keeps events again once it is opened', () => {
    const queue = new EventQueue()
    queue.push([delta(0), delta(1)])
    queue.push([delta(2)])
    queue.take()
    queue.close()
    queue.push([delta(3)])
    expect([queue.isEmpty, takeAll(queue)]).toEqual([true, []])
    queue.open()
    queue.push([delta(4)])
    expect(takeAll(queue)).toEqual([delta(4)])
  })
})

describe('a queue whose call was stopped', () => {
  test('hands out the end alone, under the number of the first event that it dropped', () => {
    const queue = new EventQueue()
    queue.push([delta(0), delta(1)])
    queue.push([delta(2)])
    queue.take()
    queue.keepEnd()
    queue.keepEnd()
    queue.push([])
    queue.push([delta(3), { type: 'error', error: { type: 'AbortError', message: 'stopped', retryable: false }, ...frame(4) }])
    expect(takeAll(queue)).toEqual([{ type: 'error', error: { type: 'AbortError', message: 'stopped', retryable: false }, ...frame(1) }])
  })

  test('keeps the answer whole whose end had come', () => {
    for (const batches of [[[delta(0), end(1)]], [[delta(0)], [end(1)]]]) {
      const queue = new EventQueue()
      for (const batch of batches) queue.push(batch)
      queue.keepEnd()
      expect(takeAll(queue)).toEqual([delta(0), end(1)])
    }
  })
})
