import type { ServerResponse } from 'node:http'

export interface EventStream {
  /** Waits where the client reads slowly. */
  send(value: unknown, event?: string): Promise<void>
  end(last?: string): void
}

/** Server-sent events on a response; the head is sent with the first of them. */
export function createEventStream(response: ServerResponse): EventStream {
  const open = (): void => {
    if (response.headersSent) return
    response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache', connection: 'keep-alive' })
  }
  return {
    async send(value, event) {
      open()
      const text = `${event === undefined ? '' : `event: ${event}\n`}data: ${JSON.stringify(value)}\n\n`
      if (response.write(text) || response.destroyed) return
      await new Promise<void>((resolve) => {
        const done = () => {
          response.off('drain', done)
          response.off('close', done)
          resolve()
        }
        response.on('drain', done)
        response.on('close', done)
      })
    },
    end(last) {
      open()
      if (last !== undefined) response.write(last)
      response.end()
    },
  }
}
