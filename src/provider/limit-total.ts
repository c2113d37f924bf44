import { LLMTimeoutError } from '../contract/index.js'

/**
 * Runs `work` with the caller's signal, and with the limit on the whole call where there is one: retries,
 * waits, continuations and candidates count.
 */
export function limitTotal<Value>(
  signal: AbortSignal,
  { provider, totalTimeoutMs }: { provider: string; totalTimeoutMs?: number | undefined },
  work: (signal: AbortSignal) => Promise<Value>,
): Promise<Value> {
  if (totalTimeoutMs === undefined) return work(signal)
  const controller = new AbortController()
  const words = `The call took longer than its total limit of ${totalTimeoutMs / 1000} s. Raise total_timeout, or ask for less.`
  const timer = setTimeout(() => controller.abort(new LLMTimeoutError(words, { provider, code: 'total_timeout' })), totalTimeoutMs)
  return work(AbortSignal.any([signal, controller.signal])).finally(() => clearTimeout(timer))
}
