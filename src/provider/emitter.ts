import { EVENTS, type EventKey, type EventPayloads, type Hooks } from '../contract/index.js'
import type { Redactor } from '../lib/index.js'

export interface Emitter {
  /** Emits the event by its key. A host whose emit fails never fails a call. */
  emit<Key extends EventKey>(key: Key, payload: EventPayloads[Key]): Promise<unknown>
  /** False where the host can say that nobody listens. */
  heard(key: EventKey): boolean
}

/** The one way out for events: names and payload types come from the table. */
export function createEmitter(hooks: Hooks, redactor: Redactor, warn: (message: string) => void): Emitter {
  const onFailure = (error: unknown) => warn(redactor.text(`a hook of the host failed: ${String(error)}`))
  return {
    async emit(key, payload) {
      try {
        return await hooks.emit(EVENTS[key], payload as unknown as Record<string, unknown>)
      } catch (error) {
        onFailure(error)
        return undefined
      }
    },
    heard: (key) => hooks.hasHandlers?.(EVENTS[key]) ?? true,
  }
}
