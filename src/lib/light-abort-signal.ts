/**
 * A signal that is its own controller, for calls that wait by the thousand: Node's pair takes 1.3 KB and 7 µs to make. It
 * does for code of ours; `fetch`, `AbortSignal.any` and other people's code want one of {@link toAbortSignal}.
 */
export class LightAbortSignal implements AbortSignal {
  aborted = false
  reason: unknown = undefined
  onabort: AbortSignal['onabort'] = null
  /** a list of one takes a fifth of the memory of one that was pushed to */
  #listeners: readonly Listener[] = NONE

  /** Only the first reason counts. */
  abort(reason: unknown): void {
    if (this.aborted) return
    this.aborted = true
    this.reason = reason
    this.dispatchEvent(new Event('abort'))
  }

  throwIfAborted(): void {
    if (this.aborted) throw this.reason
  }

  /** Each is called once at most: a signal aborts once. */
  addEventListener(type: string, listener: Listener): void {
    if (type !== 'abort' || this.#listeners.includes(listener)) return
    this.#listeners = this.#listeners.length === 0 ? [listener] : this.#listeners.concat(listener)
  }

  removeEventListener(_type: string, listener: Listener): void {
    this.#listeners = this.#listeners.filter((other) => other !== listener)
  }

  dispatchEvent(event: Event): boolean {
    const listeners = this.#listeners
    this.#listeners = NONE
    this.onabort?.call(this, event)
    for (const listener of listeners) call(listener, event)
    return true
  }
}

type Listener = Parameters<AbortSignal['addEventListener']>[1]

const NONE: readonly Listener[] = []

/** What one listener throws keeps no other from hearing, as Node has it. */
function call(listener: Listener, event: Event): void {
  try {
    if (typeof listener === 'function') listener(event)
    else listener.handleEvent(event)
  } catch (error) {
    process.nextTick(() => { throw error })
  }
}

/** One of Node's that aborts with `signal`, for those who take no other. */
export function toAbortSignal(signal: AbortSignal): AbortSignal {
  const controller = new AbortController()
  const abort = () => controller.abort(signal.reason)
  if (signal.aborted) abort()
  else signal.addEventListener('abort', abort, { once: true })
  return controller.signal
}
