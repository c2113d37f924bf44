import { EVENTS } from '../contract/index.js'
import { expectSame, expectThat } from './expect.js'
import { FAULTS } from './faults.js'
import { LOOK, inputOf } from './scripts.js'
import type { Check, CheckContext } from './types.js'
import { until } from './until.js'

const PROMPT_CHARS = 1_000_000
/** A hundred times what it takes: only work that grows with the square of the prompt is caught. */
const PROMPT_LIMIT_MS = 5_000
const ABORT_LIMIT_MS = 250

/** Behaviour around an answer: repairs, aborts, events, size. */
export const BEHAVIOUR_CHECKS: readonly Check[] = [
  { name: 'an orphaned tool call is repaired', run: orphanedCall },
  { name: 'an abort frees the connection', run: abort },
  { name: 'events come in pairs', needs: 'events', run: eventPairs },
  {
    name: 'a prompt of 1 MB is fast',
    async run({ twin, ask, complete }) {
      const started = performance.now()
      await complete(ask('a'.repeat(PROMPT_CHARS)))
      const took = Math.round(performance.now() - started)
      expectThat((twin.responses().at(-1)?.bytes ?? 0) >= PROMPT_CHARS, 'the prompt was shortened')
      expectThat(took <= PROMPT_LIMIT_MS, `it took ${took} ms, more than ${PROMPT_LIMIT_MS}`)
    },
  },
]

async function orphanedCall({ twin, ask, complete }: CheckContext): Promise<void> {
  const { messages } = ask('look at a')
  await complete({
    ...ask(''),
    tools: [LOOK],
    messages: [
      ...messages,
      { role: 'assistant', content: [{ type: 'tool_call', id: 'call_orphan', name: 'look', input: { at: 'a' } }] },
      { role: 'user', content: 'never mind, just say hello' },
    ],
  })
  const sent = inputOf(twin.responses().at(-1))
  const ids = (type: string) => sent.filter((item) => item['type'] === type).map((item) => item['call_id'])
  expectSame(ids('function_call_output'), ids('function_call'), 'results for the calls sent')
}

async function abort({ twin, door, ask, read }: CheckContext): Promise<void> {
  twin.enqueue(FAULTS.stalledInText)
  const controller = new AbortController()
  const outcome = door.complete(ask('take your time'), { signal: controller.signal }).then(
    () => undefined,
    (error: unknown) => ({ error }),
  )
  await until(() => twin.activity().running === 1, 5_000, 'the call never reached the backend')
  controller.abort()
  await until(() => twin.activity().running === 0, ABORT_LIMIT_MS, `the connection was still in use ${ABORT_LIMIT_MS} ms after the abort`)
  const failed = await outcome
  expectThat(failed !== undefined, 'an aborted call answered')
  expectSame(read(failed.error).kind, 'AbortError', 'the error')
}

async function eventPairs({ twin, door, ask, complete, failureOf }: CheckContext): Promise<void> {
  await complete(ask('one'))
  twin.enqueue(FAULTS.invalidRequest)
  await failureOf(ask('two'))
  const events = door.events?.() ?? []
  const pairs = events.filter(({ event }) => event === EVENTS.llmRequest || event === EVENTS.llmResponse)
  expectSame(pairs.map(({ event }) => event), [EVENTS.llmRequest, EVENTS.llmResponse, EVENTS.llmRequest, EVENTS.llmResponse], 'the events of two calls')
  expectSame(pairs.filter(({ event }) => event === EVENTS.llmResponse).map(({ data }) => data['status']), ['ok', 'error'], 'how they ended')
  const count = (name: string) => events.filter(({ event }) => event === name).length
  expectSame(count(EVENTS.streamBlockEnd), count(EVENTS.streamBlockStart), 'stream blocks that ended')
}
