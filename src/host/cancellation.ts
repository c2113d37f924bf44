import type { Cancellation } from '../contract/index.js'

/** `graceful` lets what runs come to its end; `immediate` stops it. */
export type CancelMode = 'graceful' | 'immediate'

/** The host's side of {@link Cancellation}. */
export interface CancellationControl {
  readonly cancellation: Cancellation
  /**
   * Moves on to `mode` (never back from immediate to graceful) and runs the callbacks, all of them at
   * once; settles when they have. Callbacks run on every step, so one that let the graceful pass hears
   * of the immediate. Nothing happens where nothing changes.
   */
  cancel(mode: CancelMode): Promise<void>
  /** Back to running, for the next turn; callbacks stay. */
  reset(): void
}

export function createCancellation(warn: (message: string) => void): CancellationControl {
  let mode: CancelMode | undefined
  const callbacks = new Set<{ run: () => void | Promise<void> }>()
  const runSafely = async (callback: { run: () => void | Promise<void> }) => {
    try {
      await callback.run()
    } catch (error) {
      warn(`a cancellation callback failed: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
  return {
    cancellation: {
      get isCancelled() { return mode !== undefined },
      get isGraceful() { return mode === 'graceful' },
      get isImmediate() { return mode === 'immediate' },
      /** Like an AbortSignal's listener: not called for what has already happened. */
      onCancel(run) {
        const callback = { run }
        callbacks.add(callback)
        return () => void callbacks.delete(callback)
      },
    },
    async cancel(next) {
      if (mode === 'immediate' || mode === next) return
      mode = next
      await Promise.all([...callbacks].map(runSafely))
    },
    reset() {
      mode = undefined
    },
  }
}
