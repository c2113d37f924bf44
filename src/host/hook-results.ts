import type { HookResult } from '../contract/index.js'

/** What the handlers of one emit have asked for so far. */
export interface HookTally {
  /** the event's data as the next handler sees it */
  data: Record<string, unknown>
  modified: boolean
  injections: HookResult[]
  /** the first one wins: two approvals cannot be merged */
  question: HookResult | undefined
}

/**
 * Takes one handler's result into the tally.
 * @returns true where the chain ends here: a `deny` stops the handlers behind it, as in the reference kernel
 */
export function tallyHookResult(tally: HookTally, result: HookResult): boolean {
  switch (result.action) {
    case 'deny':
      return true
    case 'modify':
      if (result.data !== undefined && result.data !== null) {
        tally.data = result.data
        tally.modified = true
      }
      return false
    case 'inject_context':
      if (typeof result.context_injection === 'string') tally.injections.push(result)
      return false
    case 'ask_user':
      tally.question ??= result
      return false
    default:
      // `continue`, and whatever a newer handler may say
      return false
  }
}

/** The answer of an emit that nobody denied: ask_user before inject_context before changed data; undefined means plain `continue`. */
export function mergeHookResults(tally: HookTally): HookResult | undefined {
  if (tally.question) return tally.question
  const first = tally.injections[0]
  if (first) {
    if (tally.injections.length === 1) return first
    return { ...first, context_injection: tally.injections.map((result) => result.context_injection).join('\n\n') }
  }
  return tally.modified ? { action: 'continue', data: tally.data } : undefined
}
