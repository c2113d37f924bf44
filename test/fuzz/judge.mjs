/** What must hold of any outcome, whatever the backend did. */
import { findMarks, markOf } from './mutate.mjs'

/** The events are numbered and end once, as the call did. */
export function checkEvents(events, outcome, complain) {
  if (events.some((event, index) => event.seq !== index)) complain('the events are not numbered without gaps')
  const ends = events.filter(({ type }) => type === 'message.end' || type === 'error').map(({ type }) => type)
  const expected = outcome.response ? 'message.end' : 'error'
  if (ends.length !== 1 || ends[0] !== expected || events.at(-1)?.type !== expected) complain(`ends ${ends.join(', ') || 'nowhere'}, expected one ${expected}`)
}

/** Whatever is said belongs to this question. */
export function checkMarks(value, n, complain) {
  let text
  try {
    text = JSON.stringify(value) ?? ''
  } catch (error) {
    return complain(`what was answered has no JSON form: ${error}`)
  }
  for (const mark of findMarks(text)) if (mark !== markOf(n)) return complain(`heard ${mark}, which belongs to another answer`)
}

/** The stream and the response say the same, where nothing says that they do not. */
export function checkAgreement(events, response, complain) {
  if (response.degradation) return
  const streamed = events.map((event) => (event.type === 'text.delta' ? event.text : '')).join('')
  const said = response.content.map((block) => (block.type === 'text' ? block.text : '')).join('')
  // A place in the output that an accident has changed puts the blocks in another order.
  if (streamed !== said && [...streamed].sort().join('') !== [...said].sort().join('')) complain(`streamed ${JSON.stringify(streamed.slice(-80))}, answered ${JSON.stringify(said.slice(-80))}`)
  const ended = events.filter(({ type }) => type === 'tool_call.end').map(({ id, name, arguments: input }) => JSON.stringify([id, name, input])).sort()
  const called = response.content.filter(({ type }) => type === 'tool_call').map(({ id, name, input }) => JSON.stringify([id, name, input])).sort()
  if (ended.join() !== called.join()) complain(`streamed the calls ${ended.join()}, answered ${called.join()}`)
}

/** Nothing that may have run was sent again, and nothing succeeded that did not end. */
export function checkAttempts(attempts, kind, complain) {
  const ran = attempts.findIndex(({ accepted }) => accepted)
  // A continuation is another request of the same call, and only a whole part is continued.
  if (ran !== -1 && ran < attempts.length - 1 && !attempts[ran].ended) complain(`sent ${attempts.length} times, although attempt ${ran + 1} had been accepted`)
  if (kind.startsWith('ok') && !attempts.some(({ ended }) => ended)) complain('succeeded without a terminal event')
}
