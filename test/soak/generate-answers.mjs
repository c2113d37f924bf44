/**
 * Answers as no server should tell them: made from whole items by a seed, then with events missing, doubled, reordered,
 * of another kind, or cut off. `test/responses/generated-answers.test.ts` feeds them to the reader, `answers.mjs` to the
 * whole provider over sockets.
 */
import { createRandom } from './seeded.mjs'

const TEXTS = ['', 'a', 'Hello', 'Hello there', 'aaaa']
const INPUTS = ['', '{}', '{"a":1}', '{"a":', '[1]', 'SELECT 1']
const TYPES = ['message', 'function_call', 'custom_tool_call', 'reasoning', 'web_search_call', 'unheard_of_call', 'tool_search_call', 'tool_search_output', 'compaction']
const ENDS = ['response.completed', 'response.completed', 'response.incomplete', 'response.failed', 'error', '']
const CALLS = { function_call: ['arguments', 'function_call_arguments'], custom_tool_call: ['input', 'custom_tool_call_input'] }
export const HOSTED = new Set(['web_search_call', 'unheard_of_call', 'tool_search_call', 'tool_search_output', 'compaction'])

/** One item's events in the wire's order, told by whichever of them the wire might leave out. */
function makeItem(random, index) {
  const type = random.pick(TYPES)
  const at = { output_index: index, item_id: `item_${index}` }
  const base = { type, id: `item_${index}`, ...(type in CALLS ? { call_id: `call_${index}`, name: 'read' } : {}), ...(type.startsWith('tool_search') ? { call_id: 'search', execution: 'server' } : {}) }
  const added = (more) => ({ type: 'response.output_item.added', ...at, item: { ...base, ...more } })
  const done = (more) => ({ type: 'response.output_item.done', ...at, item: { ...base, status: random.below(12) === 0 ? 'incomplete' : 'completed', ...more } })
  const pieces = (text) => [text.slice(0, text.length >> 1), text.slice(text.length >> 1)]
  if (type === 'message') {
    const text = random.pick(TEXTS)
    return [
      added({ content: [] }), ...pieces(text).map((delta) => ({ type: 'response.output_text.delta', ...at, content_index: 0, delta })),
      { type: 'response.output_text.done', ...at, content_index: 0, text }, done({ content: [{ type: 'output_text', text }] }),
    ]
  }
  if (type === 'reasoning') {
    const text = random.pick(TEXTS)
    return [added({ summary: [] }), ...pieces(text).map((delta) => ({ type: 'response.reasoning_summary_text.delta', ...at, summary_index: 0, delta })), done({ summary: [{ type: 'summary_text', text }] })]
  }
  if (!(type in CALLS)) return [added({}), { type: `response.${type}.progress`, ...at }, done({ result: index })]
  const text = random.pick(INPUTS)
  const [key, kind] = CALLS[type]
  return [
    added({ [key]: random.below(3) === 0 ? text : '' }), ...pieces(text).map((delta) => ({ type: `response.${kind}.delta`, ...at, delta })),
    { type: `response.${kind}.done`, ...at, [key]: text }, done({ [key]: text }),
  ]
}

function disturb(random, events) {
  for (let fault = random.below(4); fault > 0; fault--) {
    const place = random.below(events.length)
    const other = random.below(events.length)
    const kind = random.below(4)
    if (kind === 0) events.splice(place, 1)
    else if (kind === 1) events.splice(other, 0, ...events.slice(place, place + 1))
    else if (kind === 2) events.splice(other, 0, ...events.splice(place, 1))
    else if (events[place]?.item) events[place] = { ...events[place], item: { ...events[place].item, type: random.pick(TYPES) } }
  }
}

/** The events of answer `number`; the same for the same seed, whatever was made before. */
export function makeAnswer(seed, number) {
  const random = createRandom(seed, `answer ${number}`)
  const events = Array.from({ length: 1 + random.below(4) }, (_, index) => makeItem(random, index)).flat()
  const output = random.below(3) === 0 ? events.flatMap((event) => (event.type === 'response.output_item.done' ? [event.item] : [])) : []
  disturb(random, events)
  const id = `resp_${number}`
  const opening = random.below(10) === 0 ? [] : [{ type: 'response.created', response: { id, status: 'in_progress', model: 'gpt-5.5' } }]
  const type = random.pick(ENDS)
  if (type === '') return [...opening, ...events.slice(0, random.below(events.length + 1))]
  return [...opening, ...events, { type, response: { id, output, ...(type === 'response.incomplete' ? { incomplete_details: { reason: 'max_output_tokens' } } : {}) } }]
}

const sorted = (list) => list.map((value) => JSON.stringify(value)).sort()

/** What was shown, as three lists that have no order of their own. */
export function summarize({ texts, calls, hosted }) {
  return { texts: sorted(texts), calls: sorted(calls), hosted: sorted(hosted) }
}

/** The same of a response, of what had come of one, or of none. */
export function summarizeResponse(response) {
  const content = response?.content ?? []
  return summarize({
    texts: content.flatMap((block) => (block.type === 'text' ? [block.text] : [])),
    calls: (response?.tool_calls ?? []).map(({ id, name, arguments: input }) => ({ id, name, arguments: input })),
    hosted: content.flatMap((block) => (block.type === 'hosted' ? [block.item] : [])),
  })
}
