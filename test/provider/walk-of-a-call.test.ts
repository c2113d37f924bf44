import { afterEach, expect, test } from 'vitest'
import { Agent, type Dispatcher } from 'undici'
import { ask, mountOnTwin, type Mounted } from '../support/mounted.js'

const open: Mounted[] = []
afterEach(async () => {
  for (const mounted of open.splice(0)) await mounted.close()
})

/** The files of ours on the stack, outermost first. */
function filesOnStack(): string[] {
  const limit = Error.stackTraceLimit
  Error.stackTraceLimit = 200
  const { stack = '' } = new Error('for its stack')
  Error.stackTraceLimit = limit
  return [...new Set([...stack.matchAll(/\/src\/([\w-]+\/[\w-]+)\.ts/g)].map((match) => String(match[1])))].reverse()
}

test('from stream() to the socket and back a call passes ten files', async () => {
  const walks: string[][] = []
  const agent = new Agent()
  const mounted = await mountOnTwin({
    config: { transport: 'sse' },
    parts: { dispatcher: agent.compose((dispatch: Dispatcher.Dispatch): Dispatcher.Dispatch => (options, handler) => {
      if (String(options.path).endsWith('/responses')) walks.push(filesOnStack())
      return dispatch(options, handler)
    }) },
  })
  open.push(mounted)
  const up: string[][] = []
  mounted.host.coordinator.hooks.register('llm:stream_block_delta', () => void up.push(filesOnStack()), {})
  // The first call loads and signs in; the second goes down in one breath.
  await mounted.provider.complete(ask('hello', { conversation_id: 'c' }))
  await mounted.provider.complete(ask('hello', { conversation_id: 'c' }))
  const down = walks.at(-1) ?? []
  expect(down).toEqual([
    'provider/response-stream', 'provider/create-provider', 'provider/run-call', 'provider/read-answer', 'provider/backend-client',
    'transport/http-client', 'transport/http-exchange',
  ])
  // Back up: the base of both exchanges, the reader of the answer, and the sink that tells hooks (by the emitter) and stream.
  const back = ['transport/exchange', 'responses/answer-reader', 'provider/sink']
  expect(down.length + back.length).toBeLessThanOrEqual(10)
  expect((up.at(-1) ?? []).filter((file) => !/^(?:host|lib)\/|emitter$/.test(file) && ![...down, ...back].includes(file))).toEqual([])
  await agent.close()
})
