import type { ServerResponse } from 'node:http'
import type { EndpointTimes } from './endpoint.js'

/** Server-sent events on a response. The head leaves with the first of them, or when it has been held back for long enough. */
export interface EventStream {
  /** the head has left: a failure is an event from now on */
  readonly opened: boolean
  /** Opens the stream where that has not happened. */
  write(text: string): void
  /** Undefined where the client reads as fast as it is written to; else resolves when it has caught up, or has gone. */
  drained(): Promise<void> | undefined
  end(text?: string): void
  /** Lets go of the timers; nothing is written any more. */
  stop(): void
}

export interface EventStreamOptions {
  times: EndpointTimes
  /** last words in the head; called once, before it leaves */
  beforeHead: () => void
  /** what the stream begins with */
  opening: () => string
  /** what is written into a silence; default a comment */
  keepAlive?: string
  now: () => number
}

export function createEventStream(response: ServerResponse, options: EventStreamOptions): EventStream {
  const { times, now } = options
  let opened = false
  let lastAt = now()
  let keepAlive: NodeJS.Timeout | undefined
  const open = (): void => {
    if (opened) return
    opened = true
    clearTimeout(late)
    options.beforeHead()
    response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache', 'x-accel-buffering': 'no', connection: 'keep-alive' })
    keepAlive = setInterval(() => {
      if (now() - lastAt >= times.keepAliveMs && !response.writableNeedDrain) put(options.keepAlive ?? ': keep-alive\n\n')
    }, times.keepAliveMs)
    const opening = options.opening()
    // A client that waits for its headers gets them even where nothing can be said yet.
    if (opening === '') response.flushHeaders()
    else put(opening)
  }
  const put = (text: string): void => {
    lastAt = now()
    if (!response.destroyed) response.write(text)
  }
  const late = setTimeout(open, times.headAfterMs)
  const stop = (): void => {
    clearTimeout(late)
    clearInterval(keepAlive)
  }
  response.once('close', stop)
  return {
    get opened() {
      return opened
    },
    write(text) {
      open()
      put(text)
    },
    drained: () => (response.writableNeedDrain && !response.destroyed ? waitForDrain(response, times.stalledReaderMs) : undefined),
    end(text) {
      open()
      stop()
      if (text !== undefined && !response.destroyed) response.write(text)
      response.end()
    },
    stop,
  }
}

/** One that reads nothing for too long loses its connection: it would hold a place of the account for ever. */
function waitForDrain(response: ServerResponse, stalledReaderMs: number): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(stalled)
      response.off('drain', done)
      response.off('close', done)
      resolve()
    }
    const stalled = setTimeout(() => response.destroy(), stalledReaderMs)
    response.on('drain', done)
    response.on('close', done)
  })
}
