import { keepPlots, plotPace } from './pace-plot.js'

/** Everything is text to the browser: names and messages come from models, files and servers. */
const PHASES = ['queued', 'connecting', 'waiting', 'streaming']
const numbers = new Intl.NumberFormat('en')
const SVG = 'http://www.w3.org/2000/svg'

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value)
  element.append(...children.map((child) => (typeof child === 'number' ? numbers.format(child) : child)))
  return element
}

function fill(id, ...children) {
  document.getElementById(id).replaceChildren(...children)
}

/** Local time, with UTC beside it for whoever compares with a log. */
function moment(iso) {
  const at = new Date(iso)
  const isFar = Math.abs(at - Date.now()) > 18 * 3_600_000
  const local = at.toLocaleString([], { ...(isFar ? { month: 'short', day: 'numeric' } : {}), hour: '2-digit', minute: '2-digit' })
  return make('time', { datetime: iso, title: `${iso.slice(0, 16)}Z (UTC)` }, `${local} local time`)
}

function span(minutes) {
  if (minutes >= 2880) return `${Math.round(minutes / 1440)} days`
  return minutes >= 120 ? `${Math.round(minutes / 60)} h` : `${Math.round(minutes)} min`
}

function table(id, caption, columns, rows) {
  const head = make('tr', {}, ...columns.map(({ title, number }) => make('th', { scope: 'col', ...(number ? { class: 'number' } : {}) }, title)))
  const body = rows.map((row) => make('tr', {}, ...columns.map(({ cell, number, className }, index) => {
    const content = [cell(row)].flat()
    return index === 0 ? make('th', { scope: 'row' }, ...content) : make('td', { class: number ? 'number' : (className ?? '') }, ...content)
  })))
  const empty = make('tr', {}, make('td', { colspan: String(columns.length), class: 'soft' }, 'None yet.'))
  fill(id, make('caption', {}, caption), make('thead', {}, head), make('tbody', {}, ...(body.length > 0 ? body : [empty])))
}

const nameOf = (window) => `${window.limit_id}, ${span(window.window_minutes)}`

function renderWindows({ windows, now }) {
  keepPlots(windows.map(nameOf))
  if (windows.length === 0) return
  fill('windows', ...windows.map((window) => {
    const name = nameOf(window)
    const plot = plotPace(window, name, now)
    const meter = make('meter', { min: '0', max: '100', high: '80', optimum: '0', value: String(Math.min(100, window.used_percent)), 'aria-label': `${name}: ${window.used_percent} % used` })
    const { pace } = window
    const end = pace?.runs_out_at
      ? make('strong', { class: 'warn' }, 'runs out ', moment(pace.runs_out_at), ` in ${span(Math.max(0, (Date.parse(pace.runs_out_at) - Date.parse(now)) / 60000))}${pace.error_minutes === undefined ? '' : ` ± ${Math.max(1, Math.ceil(pace.error_minutes))} min`}`)
      : make('span', { class: 'soft' }, pace ? 'lasts until its reset' : 'pace not known yet')
    return make('div', { class: 'window' },
      make('p', {}, make('span', {}, name), make('span', {}, make('span', { 'data-used': window.window_minutes }, `${window.used_percent} %`), ' used')), meter, ...(plot ? [plot] : []),
      make('p', {}, make('span', {}, pace ? `${pace.percent_per_hour} % an hour` : ''), end),
      make('p', { class: 'soft' }, make('span', {}, window.resets_at ? 'resets ' : '', window.resets_at ? moment(window.resets_at) : ''), make('span', {}, `seen ${window.age_seconds} s ago (${window.source})`)))
  }))
}

/** Queue, connect, wait and stream as parts of one line. */
function timeLine(call, now) {
  const whole = Math.max(1, call.ended?.duration_ms ?? Date.parse(now) - Date.parse(call.started_at))
  const words = call.phases.map(({ phase, at_ms }, index) => `${phase} ${Math.max(0, (call.phases[index + 1]?.at_ms ?? whole) - at_ms)} ms`)
  const svg = document.createElementNS(SVG, 'svg')
  for (const [name, value] of [['viewBox', '0 0 100 1'], ['preserveAspectRatio', 'none'], ['role', 'img'], ['aria-label', words.join(', ') || 'not begun']]) svg.setAttribute(name, value)
  call.phases.forEach(({ phase, at_ms }, index) => {
    const rect = document.createElementNS(SVG, 'rect')
    const next = call.phases[index + 1]?.at_ms ?? whole
    for (const [name, value] of [['x', (100 * at_ms) / whole], ['width', Math.max(0.5, (100 * (next - at_ms)) / whole)], ['y', 0], ['height', 1]]) rect.setAttribute(name, String(value))
    if (PHASES.includes(phase)) rect.setAttribute('class', phase)
    svg.append(rect)
  })
  return make('div', { class: 'line' }, svg)
}

function renderCalls({ running, recent, totals, now }) {
  fill('summary', `${running.length} running, `, make('span', { 'data-total': 'calls' }, totals.calls), ' ended, ', make('span', { 'data-total': 'errors' }, totals.errors), ' failed; ',
    make('span', { 'data-total': 'input' }, totals.input_tokens), ' tokens in, ', make('span', { 'data-total': 'cached' }, totals.cached_tokens), ' of them cached, ', make('span', { 'data-total': 'output' }, totals.output_tokens), ' out')
  table('calls', 'Running first, then the last that ended', [
    { title: 'Model', cell: (call) => call.model || call.requested_model },
    { title: 'Role', cell: (call) => call.role },
    { title: 'Agent', cell: (call) => call.agent },
    { title: 'Now', cell: (call) => (call.ended ? make('span', { class: call.ended.status === 'ok' ? 'soft' : 'bad' }, call.ended.status === 'ok' ? 'done' : 'failed') : (call.phases.at(-1)?.phase ?? 'begins')) },
    { title: 'Time line', cell: (call) => timeLine(call, now) },
    { title: 'Seconds', number: true, cell: (call) => ((call.ended?.duration_ms ?? Date.parse(now) - Date.parse(call.started_at)) / 1000).toFixed(1) },
    { title: 'Out', number: true, cell: (call) => (call.ended ? numbers.format(call.ended.output_tokens) : '') },
    { title: 'Attempt', number: true, cell: (call) => String(call.attempt) },
  ], [...running, ...recent.slice(0, 20)])
}

function renderUsage(id, rows) {
  table(id, 'Since the server started', [
    { title: 'Name', cell: ({ name }) => name || '(none)' },
    { title: 'Calls', number: true, cell: ({ calls }) => numbers.format(calls) },
    { title: 'Failed', number: true, cell: ({ errors }) => numbers.format(errors) },
    { title: 'Tokens in', number: true, cell: ({ input_tokens }) => numbers.format(input_tokens) },
    { title: 'Cached', number: true, cell: ({ cached_tokens }) => numbers.format(cached_tokens) },
    { title: 'Tokens out', number: true, cell: ({ output_tokens }) => numbers.format(output_tokens) },
  ], [...rows].sort((left, right) => right.output_tokens - left.output_tokens))
}

function renderRoutes({ roles }) {
  table('routes', 'The first candidate that can serve is asked', [
    { title: 'Role', cell: ({ role }) => role },
    { title: 'Model', cell: ({ model }) => model || make('span', { class: 'bad' }, 'none') },
    { title: 'State', cell: ({ status }) => status },
    { title: 'Why', className: 'why', cell: ({ candidates }) => candidates.map(({ model, status, detail }) => `${model}: ${status}${detail ? ` (${detail})` : ''}`).join('; ') },
  ], roles)
}

export function render(state) {
  renderWindows(state)
  renderCalls(state)
  renderUsage('by-role', state.by_role)
  renderUsage('by-agent', state.by_agent)
  renderRoutes(state)
  fill('errors', ...(state.errors.length === 0 ? [make('li', {}, 'None.')] : state.errors.map(({ at, type, message, model }) => make('li', {}, moment(at), ' ', make('strong', { class: 'bad' }, type), ` ${model}: ${message}`))))
  const facts = {
    'signed in': state.signed_in ? `yes, lane ${state.lane}` : 'no: run amplifier-chatgpt login', transport: `${state.transport.kind}: ${state.transport.reason}`,
    'calls at a time': `${state.concurrency.running} of ${state.concurrency.limit}, ${state.concurrency.waiting} waiting`, 'counting since': state.since,
  }
  fill('connection', ...Object.entries(facts).flatMap(([name, value]) => [make('dt', {}, name), make('dd', {}, value)]))
}
