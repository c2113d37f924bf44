import type { Socket } from 'node:net'

/**
 * Waits until the socket has come as far as `event`; destroys it where the signal ends the wait. An error that
 * comes after a failed wait is taken silently.
 */
export function awaitSocketEvent<S extends Socket>(socket: S, event: 'connect' | 'secureConnect', signal?: AbortSignal): Promise<S> {
  return new Promise((resolve, reject) => {
    const finish = (error?: unknown) => {
      socket.off(event, onReady).off('error', finish).off('close', onClose)
      signal?.removeEventListener('abort', onAbort)
      if (error === undefined) return resolve(socket)
      socket.on('error', ignore).destroy()
      reject(error as Error)
    }
    const onReady = () => finish()
    const onClose = () => finish(Object.assign(new Error('the other side closed the connection'), { code: 'ECONNRESET' }))
    const onAbort = () => finish(signal?.reason)
    socket.once(event, onReady).once('error', finish).once('close', onClose)
    if (signal?.aborted) onAbort()
    else signal?.addEventListener('abort', onAbort, { once: true })
  })
}

function ignore(): void {
  // the wait has failed already, with the first error
}
