import { expect } from 'vitest'
import type { JsonObject, LLMError } from '../../src/contract/index.js'
import type { TwinReply, TwinRequest } from '../../src/twin/index.js'
import { mountOnTwin, type Mounted, type MountedOptions } from '../support/mounted.js'

/** `same`: as the Python module; `otherwise`: on purpose another way, which docs/upstream.md says. */
export type Verdict = 'same' | 'otherwise'

export interface Trial {
  /** the Python module's test file, without `test_` and `.py` */
  file: string
  /** its tests that this shows, parted by spaces, without `test_` */
  tests: string
  verdict: Verdict
  show: () => Promise<void> | void
}

/** What a message asks, so that a request's answer is known. */
export const say = (content: string): { messages: { role: 'user'; content: string }[] } => ({ messages: [{ role: 'user', content }] })

/** One mount for one trial, taken down after it. */
export async function onTwin<Result>(options: MountedOptions, work: (mounted: Mounted) => Promise<Result>): Promise<Result> {
  const mounted = await mountOnTwin({ ...options, config: { max_retries: 0, ...options.config } })
  try {
    return await work(mounted)
  } finally {
    await mounted.close()
  }
}

/** A refused mount: the host says why and goes on without it; nothing was asked. */
export const mountFails = (more: Record<string, unknown>) => onTwin({ prepare: ({ config }) => void Object.assign(config, more) }, async ({ provider, warnings, twin }) => {
  expect([provider, warnings.length > 0, twin.requests]).toEqual([undefined, true, []])
})

export interface Exchange {
  body: JsonObject & { input: JsonObject[] }
  headers: Record<string, string>
  /** the answer, or undefined where it failed */
  text?: string
  answer?: Awaited<ReturnType<Mounted['provider']['complete']>>
  error?: LLMError
  events: Mounted['events']
  requests: TwinRequest[]
}

/** One call on a mount of its own, and what went over the wire. */
export async function call(request: object, { replies = [], ...options }: MountedOptions & { replies?: TwinReply[] } = {}): Promise<Exchange> {
  return onTwin(options, async ({ provider, twin, events }) => {
    twin.enqueue(...replies)
    const outcome = await provider.complete(request as never).then((answer) => ({ answer }), (error: LLMError) => ({ error }))
    const requests = twin.responses()
    const last = requests.at(-1)
    const text = 'answer' in outcome ? outcome.answer.content.map((block) => (block.type === 'text' ? block.text : '')).join('') : undefined
    return { ...outcome, ...(text === undefined ? {} : { text }), events: [...events], requests, headers: last?.headers ?? {}, body: (last?.body ?? { input: [] }) as Exchange['body'] }
  })
}

/** Events of an answer as the backend sends them. */
const created = { type: 'response.created', response: { id: 'resp_1', model: 'gpt-5.5', status: 'in_progress' } }
export const messageItem = (...texts: string[]) => ({ id: 'msg_1', type: 'message', role: 'assistant', status: 'completed', content: texts.map((text) => ({ type: 'output_text', text, annotations: [] })) })
export const callItem = (more: object = {}) => ({ id: 'fc_1', type: 'function_call', call_id: 'call_1', name: 'read_file', arguments: '{"path":"a"}', status: 'completed', ...more })
export const done = (item: object, output_index = 0) => ({ type: 'response.output_item.done', output_index, item })
export const added = (item: object, output_index = 0) => ({ type: 'response.output_item.added', output_index, item })
export const delta = (text: string, type = 'response.output_text.delta') => ({ type, item_id: 'msg_1', output_index: 0, content_index: 0, summary_index: 0, delta: text })
export const completed = (response: object = {}, type = 'response.completed') => ({
  type, response: { id: 'resp_1', model: 'gpt-5.5', status: 'completed', output: [], usage: { input_tokens: 3, output_tokens: 2, total_tokens: 5 }, ...response },
})
export const failed = (error: unknown, response: object = {}) => ({ type: 'response.failed', response: { id: 'resp_1', status: 'failed', error, ...response } })
export const played = (...events: unknown[]): TwinReply => ({ events: [created, ...events] })
