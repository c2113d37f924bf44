import type { ServerResponse } from 'node:http'
import type { EndpointTimes } from './endpoint.js'

/** Text that is held for the end of the running callback at most; as much as a response buffers before it wants a pause. */
const BATCH_CHARS = 16 * 1024

/**
 * Server-sent events on a response. The head leaves with the first of them, or when it has been held back for long enough.
 * What is written in one callback of the event loop and its promises leaves in one write: each costs a system call, a third of
 * a short answer's CPU. It does not wait for the loop's turn to end: that woke the loop twice for each delta.
 */
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
  let waiting = ''
  let flushing = false
  const flush = (): void => {
    flushing = false
    if (waiting !== '' && !response.destroyed) response.write(waiting)
    waiting = ''
  }
  const open = (): void => {
    if (opened) return
    opened = true
    clearTimeout(late)
    options.beforeHead()
    // No `connection`: Node says what the client asked for, and with ours kept one open whose client waited for its end.
    response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache', 'x-accel-buffering': 'no' })
    keepAlive = setInterval(() => {
      if (now() - lastAt >= times.keepAliveMs && !response.writableNeedDrain) put(options.keepAlive ?? ': keep-alive\n\n')
    }, times.keepAliveMs)
    const opening = options.opening()
    if (opening !== '') put(opening)
  }
  const put = (text: string): void => {
    lastAt = now()
    waiting += text
    if (waiting.length >= BATCH_CHARS) flush()
    else if (!flushing) {
      flushing = true
      process.nextTick(flush)
    }
  }
  const late = setTimeout(() => {
    open()
    // A client that waits for its headers gets them even where nothing can be said yet.
    if (waiting === '') response.flushHeaders()
  }, times.headAfterMs)
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
      response.end(response.destroyed ? undefined : waiting + (text ?? ''))
      waiting = ''
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
