import { randomUUID } from 'node:crypto'
import type { ChatRequest } from '../contract/index.js'
import { delay } from '../lib/index.js'
import { startTwin, type Twin } from '../twin/index.js'
import { CHECKS } from './checks.js'
import { Finding, shorten, textOf } from './expect.js'
import { readFailure } from './read-failure.js'
import type { Check, CheckContext, CheckResult, ConformanceOptions, ConformanceReport, DoorUnderTest, OpenDoor } from './types.js'

const CHECK_TIMEOUT_MS = 15_000
const MODEL = 'gpt-5.5'

/**
 * Runs every check against a door, each on a twin of its own with an account of its own: what a check wears out,
 * no other meets. Never throws: a door that can't be opened fails the checks.
 */
export async function runConformance(options: ConformanceOptions): Promise<ConformanceReport> {
  const checks: CheckResult[] = []
  for (const check of CHECKS) {
    if (options.skip?.includes(check.name)) checks.push({ name: check.name, passed: false, skipped: true, detail: 'left out by wish' })
    else checks.push(await runCheck(check, options))
  }
  const counted = checks.filter(({ skipped }) => !skipped)
  return { name: options.name, score: counted.filter(({ passed }) => passed).length, total: counted.length, checks }
}

async function runCheck(check: Check, options: ConformanceOptions): Promise<CheckResult> {
  const { name, needs } = check
  const { checkTimeoutMs = CHECK_TIMEOUT_MS } = options
  const twin = await startTwinOfOwn()
  let door: DoorUnderTest | undefined
  const finished = new AbortController()
  const work = async (): Promise<CheckResult> => {
    door = await options.open(twin)
    if (needs && !door[needs]) return { name, passed: false, skipped: true, detail: `the door has no ${needs}` }
    await check.run(createContext({ twin, door, open: options.open, model: options.model ?? MODEL }))
    return { name, passed: true }
  }
  const limit = delay(checkTimeoutMs, { signal: finished.signal }).then(
    (): CheckResult => ({ name, passed: false, detail: `no end within ${checkTimeoutMs} ms` }),
  )
  // The wait is ended by us when the check was faster.
  limit.catch(() => undefined)
  try {
    return await Promise.race([work(), limit])
  } catch (error) {
    return { name, passed: false, detail: shorten(describe(error), 300) }
  } finally {
    finished.abort()
    await door?.close().catch(() => undefined)
    await twin.close()
  }
}

/** What one process learned of an account stays known in it: each twin's user is somebody else. */
export const startTwinOfOwn = (): Promise<Twin> => startTwin({ accountId: `acct_${randomUUID()}` })

function describe(error: unknown): string {
  if (error instanceof Finding) return error.message
  const { kind, message } = readFailure(error)
  return `${kind}: ${message}`
}

export function createContext({ twin, door, open, model }: Pick<CheckContext, 'twin' | 'door' | 'model'> & { open: OpenDoor }): CheckContext {
  const read = (error: unknown) => door.lastErrorOf?.(error) ?? readFailure(error)
  return {
    twin, door, model, read,
    ask: (text, more = {}) => ({ model, messages: [{ role: 'user', content: text }], ...more }),
    complete: (request) => door.complete(request, {}),
    async completeElsewhere(request) {
      const other = await open(twin)
      try {
        return await other.complete(JSON.parse(JSON.stringify(request)) as ChatRequest, {})
      } finally {
        await other.close()
      }
    },
    async failureOf(request) {
      const outcome = await door.complete(request, {}).then((response) => ({ response }), (error: unknown) => ({ error }))
      if ('error' in outcome) return read(outcome.error)
      throw new Finding(`a failure was answered as a success: ${JSON.stringify(textOf(outcome.response))}`)
    },
  }
}
