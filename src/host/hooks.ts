import type { HookHandler, HookResult, Hooks } from '../contract/index.js'
import { createStamp } from '../lib/index.js'
import { mergeHookResults, tallyHookResult, type HookTally } from './hook-results.js'

export interface HooksOptions {
  sessionId: string
  parentId: string | null
  warn: (message: string) => void
  now: () => number
}

/** The contract's hooks, with the two optional questions answered. */
export interface HostHooks extends Hooks {
  hasHandlers(event: string): boolean
  /** Names of the handlers of `event` in the order they run. */
  listHandlers(event: string): string[]
}

interface Entry {
  readonly handler: HookHandler
  readonly priority: number
  readonly name: string
}

type Data = Record<string, unknown>

// Both are frozen and shared: most emits of a stream end here, and a promise apiece would be the dearest part of them.
const CONTINUE: HookResult = Object.freeze({ action: 'continue' })
const CONTINUED: Promise<HookResult> = Promise.resolve(CONTINUE)

/** Handlers may come from plain JavaScript: anything that is no result object counts as `continue`. */
function isHookResult(value: unknown): value is HookResult {
  return typeof value === 'object' && value !== null && 'action' in value
}

function isThenable(value: unknown): value is PromiseLike<HookResult | undefined | void> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
}

/** What handlers see: the event's data, the fields it leaves out, and the host's timestamp. */
function createDataBuilder({ sessionId, parentId, now }: HooksOptions): (data: Data) => Data {
  const timestamp = createStamp(now)
  return (data) => {
    const stamp = timestamp()
    // Defaults first, the event's fields spread over them: 50 ns. Adding fields to a spread copy takes 2,000 (Node 20).
    const copy: Data = { session_id: sessionId, parent_id: parentId, timestamp: stamp, ...data }
    copy['timestamp'] = stamp
    return copy
  }
}

const createTally = (data: Data): HookTally => ({ data, modified: false, injections: [], question: undefined })

type Report = (entry: Entry, event: string, error: unknown) => void

/** The rest of an emit from the first handler that answered a promise. */
async function finishEmit(
  event: string, entries: readonly Entry[], from: number, pending: PromiseLike<unknown>, tally: HookTally, report: Report,
): Promise<HookResult> {
  let waiting: PromiseLike<unknown> | undefined = pending
  for (let index = from; index < entries.length; index++) {
    const entry = entries[index]!
    try {
      const result: unknown = await (waiting ?? entry.handler(event, tally.data))
      if (isHookResult(result) && tallyHookResult(tally, result)) return result
    } catch (error) {
      report(entry, event, error)
    }
    waiting = undefined
  }
  return mergeHookResults(tally) ?? CONTINUE
}

/** Runs the handlers in this very turn for as long as none answers a promise. */
function runEmit(event: string, entries: readonly Entry[], data: Data, report: Report): Promise<HookResult> {
  let tally: HookTally | undefined
  for (let index = 0; index < entries.length; index++) {
    const entry = entries[index]!
    try {
      const result: unknown = entry.handler(event, tally === undefined ? data : tally.data)
      if (result === undefined) continue
      if (isThenable(result)) return finishEmit(event, entries, index, result, tally ?? createTally(data), report)
      if (!isHookResult(result) || result.action === 'continue') continue
      tally ??= createTally(data)
      if (tallyHookResult(tally, result)) return Promise.resolve(result)
    } catch (error) {
      report(entry, event, error)
    }
  }
  const merged = tally && mergeHookResults(tally)
  return merged === undefined ? CONTINUED : Promise.resolve(merged)
}

/**
 * Hooks: handlers of an event run one after the other, lower priority first, ties by registration, each
 * awaited where it answers a promise. As long as none does, an emit runs to its end synchronously.
 * What handlers see is a copy of the event's data with `session_id` and `parent_id` (the event's own win)
 * and `timestamp` (always the host's). A handler that throws is reported to `warn` and passed over.
 * Handlers that come or go during an emit count from the next one on.
 */
export function createHooks(options: HooksOptions): HostHooks {
  const byEvent = new Map<string, readonly Entry[]>()
  const buildData = createDataBuilder(options)
  const report: Report = (entry, event, error) =>
    options.warn(`hook ${entry.name} failed on ${event} and was passed over: ${error instanceof Error ? error.message : String(error)}`)
  return {
    register(event, handler, { priority = 0, name = handler.name || 'unnamed' } = {}) {
      const entry: Entry = { handler, priority, name }
      const entries = [...(byEvent.get(event) ?? []), entry]
      byEvent.set(event, entries.sort((left, right) => left.priority - right.priority))
      return () => {
        const rest = (byEvent.get(event) ?? []).filter((other) => other !== entry)
        if (rest.length === 0) byEvent.delete(event)
        else byEvent.set(event, rest)
      }
    },
    emit(event, data) {
      const entries = byEvent.get(event)
      return entries === undefined ? CONTINUED : runEmit(event, entries, buildData(data), report)
    },
    hasHandlers: (event) => byEvent.has(event),
    listHandlers: (event) => (byEvent.get(event) ?? []).map((entry) => entry.name),
  }
}
