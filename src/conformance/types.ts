import type { ChatRequest, ChatResponse, StreamEvent } from '../contract/index.js'
import type { Twin } from '../twin/index.js'

/** What a door says of a failure, in the contract's words. */
export interface FailureReading {
  /** the error's name in the contract's family, such as `QuotaExceededError` */
  kind: string
  message: string
  /** absent where the door has no word for it */
  retryable?: boolean
  /** seconds */
  retryAfter?: number
  code?: string
  /** the HTTP status behind it, where the door tells one */
  status?: number
}

export interface RecordedEvent {
  event: string
  data: Record<string, unknown>
}

export interface DoorCallOptions {
  signal?: AbortSignal
}

/** One way into a provider. What a door has no word for, it leaves out. */
export interface DoorUnderTest {
  /** Rejects where the call failed. Blocks of an answer come back to it as they were in the next request. */
  complete(request: ChatRequest, options: DoorCallOptions): Promise<ChatResponse>
  /** pieces of the text, or the contract's events; throws, or yields an `error` event, where the call failed */
  stream?(request: ChatRequest, options: DoorCallOptions): AsyncIterable<string | StreamEvent>
  /** every hook event so far, in order */
  events?(): readonly RecordedEvent[]
  /** reads what `complete` rejected with; default: the contract's own error fields */
  lastErrorOf?(error: unknown): FailureReading
  close(): Promise<void>
}

/**
 * Opens the door on a twin: signed in there by `twin.issueTokens()`, over SSE, with the provider's own retries off,
 * so that what the backend says is what the caller sees.
 */
export type OpenDoor = (twin: Twin) => Promise<DoorUnderTest>

export interface ConformanceOptions {
  name: string
  open: OpenDoor
  /** names of checks to leave out of the score */
  skip?: readonly string[]
  /** a check that runs longer has failed; default 15,000 */
  checkTimeoutMs?: number
  /** default `gpt-5.5`; the twin must know it */
  model?: string
}

export interface CheckResult {
  name: string
  passed: boolean
  /** left out, by wish or because the door has no such feature: not counted */
  skipped?: boolean
  /** what was wrong, or why it was left out */
  detail?: string
}

export interface ConformanceReport {
  name: string
  /** checks passed */
  score: number
  /** checks counted */
  total: number
  checks: CheckResult[]
}

/** What a check works with: a door on a twin, both its own. */
export interface CheckContext {
  twin: Twin
  door: DoorUnderTest
  model: string
  ask(text: string, more?: Partial<ChatRequest>): ChatRequest
  /** completes without a signal */
  complete(request: ChatRequest): Promise<ChatResponse>
  /**
   * Completes through another door, opened now on the same twin, with the messages as JSON hands them on: what a
   * conversation needs must be in them, not in the memory of who answered first.
   */
  completeElsewhere(request: ChatRequest): Promise<ChatResponse>
  /** the failure of a call that must fail */
  failureOf(request: ChatRequest): Promise<FailureReading>
  read(error: unknown): FailureReading
}

export interface Check {
  name: string
  /** what a door must have for it */
  needs?: 'stream' | 'events'
  run(context: CheckContext): Promise<void>
}
