import { EVENTS, type EventKey, type EventPayloads, type Hooks } from '../contract/index.js'
import type { Redactor } from '../lib/index.js'

export interface Emitter {
  /**
   * Emits the event by its key, and resolves when every handler has run; undefined where that is so
   * already. A host whose emit fails never fails a call.
   */
  emit<Key extends EventKey>(key: Key, payload: EventPayloads[Key]): Promise<unknown> | undefined
  /** False where the host can say that nobody listens. */
  heard(key: EventKey): boolean
}

/** The one way out for events: names and payload types come from the table. */
export function createEmitter(hooks: Hooks, redactor: Redactor, warn: (message: string) => void): Emitter {
  const onFailure = (error: unknown) => warn(redactor.text(`a hook of the host failed: ${String(error)}`))
  // A host may answer one shared promise where no handler had to be waited for. Waiting once for it is
  // enough: awaiting it for each delta cost 0.3 µs.
  let settled: Promise<unknown> | undefined
  return {
    emit(key, payload) {
      try {
        const pending = hooks.emit(EVENTS[key], payload as unknown as Record<string, unknown>)
        if (pending === settled) return undefined
        return pending.then(() => {
          settled = pending
        }, onFailure)
      } catch (error) {
        onFailure(error)
        return undefined
      }
    },
    heard(key) {
      try {
        return hooks.hasHandlers?.(EVENTS[key]) ?? true
      } catch (error) {
        onFailure(error)
        return true
      }
    },
  }
}

/** After a call was stopped its last events are still told; handlers get so long to take them in. */
const GRACE_MS = 1000

/** The emitter of one call: a handler that never comes back holds the call no longer than its signal. */
export class CallEmitter implements Emitter {
  constructor(private readonly emitter: Emitter, private readonly signal: AbortSignal) {}

  emit<Key extends EventKey>(key: Key, payload: EventPayloads[Key]): Promise<unknown> | undefined {
    const pending = this.emitter.emit(key, payload)
    return pending && this.#until(pending)
  }

  heard(key: EventKey): boolean {
    return this.emitter.heard(key)
  }

  #until(pending: Promise<unknown>): Promise<void> {
    const signal = this.signal
    return new Promise((resolve) => {
      const late = signal.aborted ? setTimeout(resolve, GRACE_MS) : undefined
      const onAbort = () => resolve()
      signal.addEventListener('abort', onAbort, { once: true })
      void pending.then(() => {
        clearTimeout(late)
        signal.removeEventListener('abort', onAbort)
        resolve()
      })
    })
  }
}
