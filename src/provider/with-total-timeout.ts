import { LLMTimeoutError } from '../contract/index.js'

/**
 * The caller's signal, and with it the limit on the whole call where there is one: retries, waits,
 * continuations and candidates count. `clear` ends the timer.
 */
export function withTotalTimeout(
  signal: AbortSignal, { provider, totalTimeoutMs }: { provider: string; totalTimeoutMs?: number | undefined },
): { signal: AbortSignal; clear: () => void } {
  if (totalTimeoutMs === undefined) return { signal, clear: () => undefined }
  const controller = new AbortController()
  const words = `The call took longer than its total limit of ${totalTimeoutMs / 1000} s. Raise total_timeout, or ask for less.`
  const timer = setTimeout(() => controller.abort(new LLMTimeoutError(words, { provider, code: 'total_timeout' })), totalTimeoutMs)
  return { signal: AbortSignal.any([signal, controller.signal]), clear: () => clearTimeout(timer) }
}
