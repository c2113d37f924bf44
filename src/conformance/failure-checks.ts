import type { ChatRequest, StreamEvent } from '../contract/index.js'
import { expectSame, expectThat } from './expect.js'
import { FAULTS, type FaultName } from './faults.js'
import { LOOK } from './scripts.js'
import type { Check, CheckContext, FailureReading } from './types.js'

const CUTS: readonly FaultName[] = ['cutBeforeOutput', 'cutInText', 'cutBeforeTerminal', 'endedInText', 'resetInText']
/** A provider may ask again where nothing was shown: the fault waits for those attempts too. */
const ATTEMPTS = 5

/** Failures: each is an error, of the right kind, and says whether to come back. */
export const FAILURE_CHECKS: readonly Check[] = [
  { name: 'a cut stream is an error', run: cutStreams },
  { name: 'half a tool call is never handed out', run: halfToolCall },
  {
    name: 'a failed response is an error',
    async run({ twin, ask, failureOf }) {
      enqueue(twin, 'failedInText')
      expectKind(await failureOf(ask('fail')), ['ProviderUnavailableError', 'StreamError'], true)
    },
  },
  {
    name: 'a used-up quota says when it resets',
    async run({ twin, ask, failureOf }) {
      enqueue(twin, 'usageLimit')
      const failure = await failureOf(ask('more'))
      expectKind(failure, ['QuotaExceededError'], false)
      const { retryAfter } = failure
      expectThat(retryAfter !== undefined && retryAfter > 3_500 && retryAfter <= 3_600, `resets in 3,600 s, the error says ${retryAfter ?? 'nothing'}`)
    },
  },
  { name: 'a burst of 429 is waited out', run: burst },
  {
    name: 'an expired token is refreshed once',
    async run({ twin, ask, complete }) {
      await complete(ask('one'))
      twin.expireAccessTokens()
      await Promise.all([complete(ask('two')), complete(ask('three'))])
      expectSame(twin.refreshes.map(({ outcome }) => outcome), ['ok'], 'refreshes for two calls at once')
    },
  },
  {
    name: 'an unknown model names the nearest',
    async run({ ask, failureOf }) {
      const failure = await failureOf(ask('hello', { model: 'gtp-5.5' }))
      expectKind(failure, ['NotFoundError'], false)
      expectThat(failure.message.includes('gpt-5.5'), `no suggestion in: ${failure.message}`)
    },
  },
  {
    name: 'a prompt beyond the context is told',
    async run({ twin, ask, failureOf }) {
      enqueue(twin, 'contextLength')
      expectKind(await failureOf(ask('too long')), ['ContextLengthError'], false)
    },
  },
  { name: 'filtered content is told', run: contentFilter },
  {
    name: 'a refused account is told',
    async run({ twin, ask, failureOf }) {
      enqueue(twin, 'forbidden')
      expectKind(await failureOf(ask('let me in')), ['AccessDeniedError'], false)
    },
  },
]

function enqueue(twin: CheckContext['twin'], name: FaultName, times = ATTEMPTS): void {
  twin.enqueue(...Array.from({ length: times }, () => FAULTS[name]))
}

function expectKind(failure: FailureReading, kinds: readonly string[], retryable: boolean): void {
  expectThat(kinds.includes(failure.kind), `expected ${kinds.join(' or ')}, found ${failure.kind}: ${failure.message}`)
  expectThat(failure.retryable === undefined || failure.retryable === retryable, `${failure.kind} must ${retryable ? '' : 'not '}be retryable`)
}

async function cutStreams({ twin, door, ask, failureOf }: CheckContext): Promise<void> {
  for (const name of CUTS) {
    const marked = (text: string) => ({ request: ask(`${name} ${text}`), replies: Array.from({ length: ATTEMPTS }, () => ({ ...FAULTS[name], match: asks(`${name} ${text}`) })) })
    const whole = marked('whole')
    twin.enqueue(...whole.replies)
    const failure = await failureOf(whole.request).catch((error: unknown) => {
      throw new Error(`${name}: ${error instanceof Error ? error.message : String(error)}`)
    })
    expectKind(failure, ['StreamError', 'NetworkError', 'ProviderUnavailableError'], true)
    if (!door.stream) continue
    const streamed = marked('streamed')
    twin.enqueue(...streamed.replies)
    const end = await drain(door, streamed.request)
    expectThat(end.failed, `${name}: the stream ended as if it were whole`)
  }
}

const asks = (text: string) => ({ body }: { body: unknown }): boolean => JSON.stringify(body).includes(text)

async function drain(door: CheckContext['door'], request: ChatRequest): Promise<{ failed: boolean; types: StreamEvent['type'][] }> {
  const types: StreamEvent['type'][] = []
  try {
    for await (const piece of door.stream?.(request, {}) ?? []) if (typeof piece !== 'string') types.push(piece.type)
  } catch {
    return { failed: true, types }
  }
  return { failed: types.at(-1) === 'error', types }
}

async function halfToolCall({ twin, door, ask, failureOf }: CheckContext): Promise<void> {
  const request = ask('write it', { tools: [{ ...LOOK, name: 'write_file' }] })
  enqueue(twin, 'cutInToolCall')
  expectKind(await failureOf(request), ['StreamError', 'NetworkError', 'ProviderUnavailableError'], true)
  if (!door.stream) return
  enqueue(twin, 'cutInToolCall')
  const { failed, types } = await drain(door, request)
  expectThat(failed, 'the stream ended as if it were whole')
  expectThat(!types.includes('tool_call.end'), 'half a call ended with tool_call.end')
}

async function burst({ twin, door, ask, complete, read }: CheckContext): Promise<void> {
  enqueue(twin, 'rateLimited', 2)
  const calls = await Promise.allSettled(['one', 'two'].map((text) => door.complete(ask(text), {})))
  for (const call of calls) {
    if (call.status === 'fulfilled') continue
    const failure = read(call.reason)
    expectKind(failure, ['RateLimitError'], true)
    expectThat(failure.retryAfter !== undefined && failure.retryAfter > 0, 'Retry-After was lost')
  }
  while (twin.pendingReplies() > 0) await door.complete(ask('clear'), {}).catch(() => undefined)
  await complete(ask('and after it'))
}

async function contentFilter({ twin, door, ask, read }: CheckContext): Promise<void> {
  enqueue(twin, 'contentFilter', 1)
  const outcome = await door.complete(ask('filtered'), {}).then(
    (response) => ({ finish: response.finish_reason }),
    (error: unknown) => ({ failure: read(error) }),
  )
  if ('failure' in outcome) expectKind(outcome.failure, ['ContentFilterError'], false)
  else expectSame(outcome.finish, 'content_filter', 'finish_reason')
}
