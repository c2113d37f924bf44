import type { ChatRequest, ChatResponse } from './chat.js'
import type { LLMError } from './errors.js'
import type { RouteReceipt } from './route.js'

/**
 * How far an attempt is: it waits for its place among the account's calls, its request is on its way, the backend has
 * it and thinks, output comes.
 */
export type CallPhase = 'queued' | 'connecting' | 'waiting' | 'streaming'

/** A call as whoever watches is told of it. */
export interface ObservedCall {
  /** names the call in this process and every other */
  readonly id: string
  readonly sessionId: string
  readonly request: ChatRequest
  /** filled in while the call runs */
  readonly route: RouteReceipt
  /** W3C trace context that the caller sent */
  readonly trace?: TraceContext
}

/** W3C trace context as it crosses programs. */
export interface TraceContext {
  traceparent: string
  tracestate?: string
}

/** Is told of one call while it runs. Nothing of it may throw or wait. */
export interface CallWatch {
  /** `queued` begins an attempt. */
  phase(phase: CallPhase): void
  /** A piece of output has come. */
  chunk(): void
  attemptEnded(error?: LLMError): void
  /** Once, last. */
  ended(outcome: { response: ChatResponse; error?: undefined } | { response?: undefined; error: LLMError }): void
}

/** Wants to know of calls what the events don't say: their times and attempts. */
export interface CallObserver {
  /** Undefined where this call is not watched. */
  begin(call: ObservedCall): CallWatch | undefined
}

/** One watch for several; undefined where none of them watches. */
export function watchTogether(observers: readonly CallObserver[], call: ObservedCall): CallWatch | undefined {
  const watches = observers.flatMap((observer) => observer.begin(call) ?? [])
  if (watches.length <= 1) return watches[0]
  return {
    phase: (phase) => watches.forEach((watch) => watch.phase(phase)),
    chunk: () => watches.forEach((watch) => watch.chunk()),
    attemptEnded: (error) => watches.forEach((watch) => watch.attemptEnded(error)),
    ended: (outcome) => watches.forEach((watch) => watch.ended(outcome)),
  }
}
