/** Answers as a backend gives them, and what may become of them on the way: events, frames, heads, lists and refresh replies. */

const ODD = [
  null, true, 0, -1, 1, 1.5, 1e13, 1e18, -1e18, 1e308, '', ' ', '0', '9999999999999', '1e400', 'NaN', '\u0000', '\ud800', 'sk-made-up-key-1234567890', 'eyJhbGciOiJub25lIn0.e30.c2ln',
  [], {}, [[]], [null], { toString: 'x' }, '__proto__', 'constructor', '2026-13-45', '+275760-09-13T00:00:00Z', 'x'.repeat(3000),
]

/** The one text that belongs to question `n`; no other answer has it, and a piece of it that comes twice makes none of another (seed 5, question 264). */
export const markOf = (n) => `A${n}~${((Number(n) * 7919 + 13) % 99_991).toString(36)}#`

/** The marks in a text. */
export const findMarks = (text) => [...text.matchAll(/A(\d+)~[0-9a-z]+#/g)].filter(([mark, n]) => mark === markOf(n)).map(([mark]) => mark)

/** What the model says to question `n`, as events. */
export function buildEvents(random, n) {
  // Of each attempt its own: a backend gives an id once (seed 103, question 4433).
  const id = `resp_${n}_${random.below(1e9)}`
  const usage = { input_tokens: 10, output_tokens: 5, total_tokens: 15 }
  const events = [{ type: 'response.created', response: { id, model: 'gpt-5.5', status: 'in_progress' } }]
  const output = []
  const push = (item, deltas, done) => {
    const output_index = output.length
    events.push({ type: 'response.output_item.added', output_index, item: { ...item, status: 'in_progress', ...(item.type === 'message' ? { content: [] } : item.type === 'function_call' ? { arguments: '' } : {}) } })
    for (const delta of deltas) events.push({ ...delta, item_id: item.id, output_index })
    for (const event of done) events.push({ ...event, item_id: item.id, output_index })
    const whole = { ...item, status: 'completed' }
    events.push({ type: 'response.output_item.done', output_index, item: whole })
    output.push(whole)
  }
  const split = (text) => text.match(new RegExp(`[^]{1,${2 + random.below(12)}}`, 'g')) ?? []
  if (random.chance(0.3)) {
    const text = `${markOf(n)} thinking`
    push({ type: 'reasoning', id: `rs_${n}`, summary: [{ type: 'summary_text', text }], encrypted_content: 'gAAAA' },
      split(text).map((delta) => ({ type: 'response.reasoning_summary_text.delta', summary_index: 0, delta })), [])
  }
  for (let count = random.below(3); count >= 0; count--) {
    if (random.chance(0.35)) {
      const args = JSON.stringify({ mark: markOf(n), path: random.words(20) })
      push({ type: 'function_call', id: `fc_${n}_${count}`, call_id: `call_${n}_${count}`, name: 'read_file', arguments: args },
        split(args).map((delta) => ({ type: 'response.function_call_arguments.delta', delta })), [{ type: 'response.function_call_arguments.done', arguments: args }])
    } else {
      const text = `${markOf(n)} ${random.words(10 + random.below(200))}`
      push({ type: 'message', id: `msg_${n}_${count}`, role: 'assistant', content: [{ type: 'output_text', text, annotations: [] }] },
        split(text).map((delta) => ({ type: 'response.output_text.delta', content_index: 0, delta })), [{ type: 'response.output_text.done', content_index: 0, text }])
    }
  }
  const cut = random.chance(0.05)
  events.push({
    type: cut ? 'response.incomplete' : 'response.completed',
    response: { id, model: 'gpt-5.5', status: cut ? 'incomplete' : 'completed', ...(cut ? { incomplete_details: { reason: 'max_output_tokens' } } : {}), output: random.chance(0.5) ? output : [], usage },
  })
  return events
}

const at = (random, list) => random.below(Math.max(1, list.length))

/** A path to some value inside, and its holder. */
function pickPlace(random, value) {
  let holder = value
  for (;;) {
    const keys = Object.keys(holder)
    if (keys.length === 0) return undefined
    const key = random.pick(keys)
    const next = holder[key]
    if (typeof next !== 'object' || next === null || random.chance(0.3)) return { holder, key }
    holder = next
  }
}

/** Changes one value somewhere inside to something odd; takes it away; or gives it a name of its own. */
export function mutateValue(random, value) {
  const copy = structuredClone(value)
  if (typeof copy !== 'object' || copy === null) return random.pick(ODD)
  const place = pickPlace(random, copy)
  if (!place) return copy
  if (random.chance(0.25)) delete place.holder[place.key]
  else if (random.chance(0.1)) place.holder[random.pick(['status', 'type', 'id', 'error', 'code', 'delta', 'item'])] = random.pick(ODD)
  else place.holder[place.key] = random.pick(ODD)
  return copy
}

const EVENT_MUTATIONS = {
  drop: (random, events) => void events.splice(at(random, events), 1),
  double(random, events) {
    const index = at(random, events)
    events.splice(index, 0, events[index])
  },
  swap(random, events) {
    const [one, other] = [at(random, events), at(random, events)]
    ;[events[one], events[other]] = [events[other], events[one]]
  },
  value(random, events) {
    const index = at(random, events)
    events[index] = mutateValue(random, events[index] ?? {})
  },
  retype(random, events) {
    const index = at(random, events)
    events[index] = { ...events[index], type: random.pick(['response.failed', 'response.incomplete', 'response.completed', 'response.done', 'response.cancelled', 'error', 'response.new_thing', 'response.created', 'codex.rate_limits', '']) }
  },
  early_end: (random, events) => void events.splice(at(random, events), 0, events.at(-1)),
  cut: (random, events) => void events.splice(at(random, events)),
  limits: (random, events) => void events.splice(at(random, events), 0, mutateValue(random, {
    type: 'codex.rate_limits', plan_type: 'plus', rate_limits: { allowed: true, primary: { used_percent: 10, window_minutes: 300, reset_at: 1795275747, reset_after_seconds: 60 }, secondary: { used_percent: 1, window_minutes: 10080, reset_at: 1795275747 } },
  })),
  failure: (random, events) => void events.splice(at(random, events), 0, mutateValue(random, random.pick([
    { type: 'error', status: 429, error: { type: 'usage_limit_reached', message: 'used up', plan_type: 'plus', resets_at: 1795275747, resets_in_seconds: 5 }, headers: { 'retry-after': '1' } },
    { type: 'response.failed', response: { id: 'resp_x', status: 'failed', error: { code: 'rate_limit_exceeded', message: 'try again in 1ms' } } },
    { type: 'error', error: { code: 'websocket_connection_limit_reached' } },
    { type: 'error' },
  ]))),
  metadata: (random, events) => void events.splice(at(random, events), 0, mutateValue(random, { type: 'response.metadata', headers: { 'openai-model': 'gpt-5.5', 'x-codex-turn-state': 'turn', 'x-models-etag': '"e"' } })),
}

const TEXT_MUTATIONS = {
  none: (_random, text) => text,
  truncate: (random, text) => text.slice(0, random.below(text.length)),
  garbage: (random, text) => `${text.slice(0, random.below(text.length))}${random.pick(['\u0000', '}', '"', '\\', ']]', 'NaN'])}`,
  deep: (random, text) => text.replace(/}$/, `,"deep":${'['.repeat(1 + random.below(3000))}}`),
  nested: (random, text) => { const levels = 1 + random.below(4000); return text.replace(/}$/, `,"deep":${'['.repeat(levels)}${']'.repeat(levels)}}`) },
  done: () => '[DONE]',
}

/** Of another answer, as far as it says so itself and comes behind our own `created`: its mark must never be heard. */
function insertForeign(random, events, n) {
  const others = buildEvents(random, `${n}9999`).filter(({ response }) => response)
  events.splice(1 + at(random, events), 0, ...others.slice(random.below(2)))
}

/** The whole of an answer's events as texts, after so many accidents. */
export function mutateEvents(random, n) {
  const events = buildEvents(random, n)
  const accidents = random.chance(0.15) ? 0 : 1 + random.below(4)
  if (random.chance(0.05)) insertForeign(random, events, n)
  else for (let count = 0; count < accidents; count++) EVENT_MUTATIONS[random.pick(Object.keys(EVENT_MUTATIONS))](random, events, n)
  return events.filter((event) => event !== undefined).map((event) => {
    const text = JSON.stringify(event)
    return random.chance(0.002) ? TEXT_MUTATIONS[random.pick(Object.keys(TEXT_MUTATIONS))](random, text) : text
  })
}

const HEADERS = {
  'x-codex-primary-used-percent': '12', 'x-codex-primary-window-minutes': '300', 'x-codex-primary-reset-at': '1795275747', 'x-codex-primary-reset-after-seconds': '60',
  'x-codex-active-limit': 'codex', 'x-codex-plan-type': 'plus', 'openai-model': 'gpt-5.5', 'x-models-etag': '"a"', 'x-request-id': 'req_1', 'retry-after': '0', 'x-codex-turn-state': 's',
}
const ODD_TEXTS = ['', '9999999999999', '1e308', '-1', 'soon', 'NaN', '1795275747000000000', 'Thu, 01 Jan 1970 00:00:00 GMT', 'Sat, 21 Nov 99999 15:42:27 GMT', '0x10', 'eyJhbGciOiJub25lIn0.e30.c2ln', 'ü'.repeat(5), 'x'.repeat(4000)]

export function mutateHeaders(random) {
  const headers = {}
  // What speaks of quota is written to a file: with each answer it was a quarter of a run's CPU.
  if (!random.chance(0.25)) return headers
  for (const [name, value] of Object.entries(HEADERS)) {
    if (random.chance(0.3)) headers[name] = encodeHeader(random.chance(0.3) ? random.pick(ODD_TEXTS) : value)
  }
  return headers
}

const encodeHeader = (text) => Buffer.from(text, 'utf8').toString('latin1')

/** A refusal's status and body. */
export function mutateRefusal(random) {
  const status = random.pick([400, 401, 403, 404, 408, 409, 413, 418, 429, 451, 500, 501, 502, 503, 504, 520, 524, 599])
  const body = random.pick([
    { error: { code: 'rate_limit_exceeded', message: 'try again in 1ms' } }, { error: { code: 'server_is_overloaded' } }, { detail: 'No.' }, { detail: { code: 'x', message: 'y' } },
    { error: { type: 'usage_limit_reached', resets_at: 1795275747, resets_in_seconds: 1 } }, 'no JSON', '', '[]', 'null', '<html>blocked</html>',
  ])
  const mutated = typeof body === 'string' ? body : JSON.stringify(random.chance(0.5) ? mutateValue(random, body) : body)
  return { status, body: mutated, headers: mutateHeaders(random) }
}

const MODELS = [
  { slug: 'gpt-5.5', display_name: 'GPT', context_window: 272000, max_context_window: 872000, priority: 1, visibility: 'list', supported_in_api: true, supported_reasoning_levels: [{ effort: 'low', description: '' }, { effort: 'medium' }], additional_speed_tiers: ['fast'], input_modalities: ['text', 'image'] },
  { slug: 'gpt-5.4', context_window: 272000, priority: 2, visibility: 'list', supported_in_api: true, upgrade: { model: 'gpt-5.5' } },
]

export function mutateModels(random) {
  let list = { models: MODELS }
  // A list without a model keeps every question from being asked until the next one.
  for (let count = random.chance(0.06) ? 1 + random.below(3) : 0; count > 0; count--) list = mutateValue(random, list)
  return JSON.stringify(list)
}

/** What a token endpoint may answer to a good refresh token. */
export function mutateRefresh(random, tokens) {
  let body = { access_token: tokens.access_token, refresh_token: tokens.refresh_token, id_token: tokens.id_token, expires_in: 3600, scope: 'openid', token_type: 'Bearer', ...(random.chance(0.3) ? { earliest_refresh_at: 1795275747 } : {}) }
  for (let count = random.below(4); count > 0; count--) body = mutateValue(random, body)
  const kind = random.weighted({ good: 75, refused: 8, cut: 5, text: 5, reset: 4, html: 3 })
  return { kind, body, status: kind === 'refused' ? random.pick([400, 401, 403, 429, 500, 502, 503]) : 200, headers: random.chance(0.3) ? { date: random.pick(ODD_TEXTS.slice(0, 8)), 'retry-after': random.pick(['0', '9999999999999', 'soon']) } : {} }
}
