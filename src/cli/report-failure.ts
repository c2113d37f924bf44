import { describeError, isLLMError, withCode } from '../contract/index.js'
import { defined, sanitizeLine } from '../lib/index.js'
import { EXIT, exitCodeOf } from './exit-codes.js'
import { createPaint, writeNotice, type Terminal } from './terminal.js'

/** The next command, where the words of the error don't name one. */
const NEXT: Readonly<Record<number, string>> = {
  [EXIT.auth]: 'Run amplifier-chatgpt doctor: it says what the sign-in lacks',
  [EXIT.quota]: 'Run amplifier-chatgpt status: it shows when the quota is back',
  [EXIT.unavailable]: 'Run amplifier-chatgpt doctor: it says where the way ends',
}

/** The failure in words for a person and what to do next, on stderr. */
export function reportFailure(error: unknown, terminal: Terminal): void {
  const paint = createPaint({ stdout: terminal.stderr, env: terminal.env })
  const words = error instanceof Error ? error.message : String(error)
  const kind = isLLMError(error) ? `${error.name}: ` : ''
  terminal.stderr.write(`${paint.finish(`${paint.red('error')} ${kind}${words}`, sanitizeLine)}\n`)
  const next = NEXT[exitCodeOf(error)]
  if (next !== undefined && !words.includes('amplifier-chatgpt ')) writeNotice(terminal, next)
}

/** What a program gets on stdout in place of an answer, with what had come of one. What Ctrl-C has ended says so by its code. */
export function describeFailure(error: unknown, exitCode: number): { error: Record<string, unknown> } {
  const facts = isLLMError(error)
    ? describeError(error)
    : { type: 'Error', message: error instanceof Error ? error.message : String(error), retryable: false }
  // Work that ends in its own words at Ctrl-C says that its caller has left.
  const ended = exitCode === EXIT.interrupted && !('code' in facts) ? { message: withCode(facts.message, 'interrupted'), code: 'interrupted' } : {}
  return { error: { ...facts, ...ended, exit_code: exitCode, ...(isLLMError(error) && defined({ partial: error.partial })) } }
}
