export interface AbortListeners {
  /** Calls `listener` once when the signal aborts; a signal that has aborted already calls nobody. @returns takes the listener back, twice without harm */
  add(signal: AbortSignal, listener: () => void): () => void
}

/**
 * Listens to each signal once, however many wait for it, and lets go of it with the last of them: beyond ten listeners
 * on one signal Node warns of a leak, and a host may well give a session's signal to each of its calls.
 */
export function createAbortListeners(): AbortListeners {
  const known = new WeakMap<AbortSignal, { waiting: Set<() => void>; tell: () => void }>()
  const listen = (signal: AbortSignal) => {
    const waiting = new Set<() => void>()
    const tell = () => {
      known.delete(signal)
      for (const call of [...waiting]) call()
    }
    signal.addEventListener('abort', tell, { once: true })
    const entry = { waiting, tell }
    known.set(signal, entry)
    return entry
  }
  return {
    add(signal, listener) {
      const { waiting, tell } = known.get(signal) ?? listen(signal)
      const call = () => listener()
      waiting.add(call)
      return () => {
        if (!waiting.delete(call) || waiting.size > 0) return
        signal.removeEventListener('abort', tell)
        if (known.get(signal)?.tell === tell) known.delete(signal)
      }
    },
  }
}
