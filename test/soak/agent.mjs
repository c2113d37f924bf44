/**
 * One agent: conversations that grow in a tool loop, turn after turn, over whatever goes wrong. It knows what the
 * twin will say, so it checks what it is told, and what the twin was sent.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { FAULTS, pickFault } from './turn-faults.mjs'

const TOOLS = [
  { name: 'read_file', description: 'Reads a file', parameters: { type: 'object', properties: { path: { type: 'string' } } } },
  { name: 'run', description: 'Runs a command', parameters: { type: 'object', properties: { command: { type: 'string' } } } },
]
const SYSTEM = { role: 'system', content: 'You are an agent. Be exact.' }

export function createAgent({ door, name, random, tally, idleMs }) {
  let conversation
  let conversations = 0
  let calls = 0

  const begin = () => {
    conversation = { id: `${name}-${++conversations}`, messages: [SYSTEM], said: [], left: 4 + random.below(20), turns: 0 }
    addUser()
  }
  const addUser = () => {
    const text = random.words(20 + random.below(200))
    conversation.messages.push({ role: 'user', content: text })
    conversation.said.push(['user', text])
  }
  /** What the model says next when nothing goes wrong. */
  const imagine = () => {
    const text = random.words(10 + random.below(300))
    const reasoning = random.chance(0.3) ? { reasoning: random.words(60) } : {}
    if (random.chance(0.35)) return { ...reasoning, text }
    const toolCalls = Array.from({ length: 1 + (random.chance(0.3) ? random.below(3) : 0) }, () => ({
      call_id: `call_${name}_${++calls}`, name: random.pick(TOOLS).name, arguments: { path: random.words(20 + random.below(100)), n: random.below(1000), deep: { list: [1, null, random.words(5)] } },
    }))
    return { ...reasoning, ...(random.chance(0.3) ? { text } : {}), toolCalls }
  }
  /** The answer becomes history, and what the caller does with it. */
  const goOn = (response, truth) => {
    conversation.messages.push({ role: 'assistant', content: response.content })
    if (truth.text) conversation.said.push(['assistant', truth.text])
    for (const call of truth.toolCalls) conversation.said.push(['call', call.call_id, JSON.stringify(call.arguments)])
    for (const call of truth.toolCalls) {
      const output = random.words(random.chance(0.2) ? 4000 : 100)
      conversation.messages.push({ role: 'tool', tool_call_id: call.call_id, content: output })
      conversation.said.push(['output', call.call_id, output])
    }
    if (truth.toolCalls.length === 0) addUser()
  }

  return {
    async turn() {
      if (!conversation || --conversation.left < 0) begin()
      door.disturber.maybe(random)
      const kind = pickFault(random, door.name)
      const good = imagine()
      const plan = FAULTS[kind].plan({ good, random, idleMs, door: door.name })
      const last = plan.replies.at(-1)
      const truth = { text: plan.text ?? last.text ?? '', toolCalls: last.toolCalls ?? [] }
      if (FAULTS[kind].kills) door.disturber.note({ kills: true })
      const judge = createJudge({ door, conversation, kind, plan, truth, tally })
      const result = await ask({ door, conversation, plan, random })
      const { heard, right } = judge.close(result)
      if (!right) conversation = undefined
      else if (result.response) goOn(result.response, truth)
      // What the twin has not heard may still arrive: a message more tells the next turn's request from it.
      else if (!heard) addUser()
    },
    /** Agents of the next leg have conversations of their own. */
    end: () => { conversation = undefined },
  }
}

/** One turn as a caller makes it: reads the stream, or leaves it, or aborts it. */
async function ask({ door, conversation, plan, random }) {
  const controller = new AbortController()
  const { abortAt, leaveAt, slow } = plan
  if (abortAt === 'before') controller.abort()
  const startedMs = performance.now()
  const stream = door.provider.stream(
    { messages: [...conversation.messages], tools: TOOLS, conversation_id: conversation.id }, { signal: controller.signal, interactive: random.chance(0.2) })
  if (abortAt === 'at_once') controller.abort()
  const soon = abortAt === 'soon' ? setTimeout(() => controller.abort(), random.below(30)) : undefined
  const events = []
  for await (const event of stream) {
    events.push(event)
    if (abortAt === events.length) controller.abort()
    if (leaveAt === events.length) break
    if (slow && events.length % 50 === 0) await sleep(1)
  }
  const outcome = await stream.response().then((response) => ({ response }), (error) => ({ error }))
  clearTimeout(soon)
  return { ...outcome, events, left: leaveAt !== undefined && leaveAt === events.length, aborted: controller.signal.aborted, ms: performance.now() - startedMs }
}

/** Watches one turn at both ends of the wire. */
function createJudge({ door, conversation, kind, plan, truth, tally }) {
  const { twin, disturber } = door
  const before = disturber.snapshot()
  const startedAt = door.now()
  const attempts = []
  const turn = { attempts, over: false }
  const where = `${door.name} ${conversation.id} turn ${conversation.turns} (${kind})`
  let complained = false
  const complain = (text) => {
    complained = true
    tally.wrong.push(`${where}: ${text}`)
  }
  // What the server holds goes on only where the last turn ended well on a line that nothing has touched since.
  const quiet = conversation.quiet !== undefined && disturber.since(conversation.quiet).quiet
  conversation.turns++

  const newest = JSON.stringify(conversation.said.at(-1))
  /** What goes on after a cut ends in a message of the client's own. */
  const isContinuation = (number) => kind === 'cut_for_length' && number > 0
  const matches = (request, items, number) => !turn.over && attempts.length === number && request.body?.prompt_cache_key === conversation.id &&
    (isContinuation(number) || JSON.stringify(readFacts(items.slice(-1)).at(-1)) === newest)
  const observe = (request, items, number) => {
    const delta = request.body.previous_response_id !== undefined
    attempts.push({ request, delta })
    door.turns.add(turn)
    const running = [...door.turns].filter((each) => !each.over && each.attempts.some(({ request: { ended } }) => ended === undefined)).length
    tally.peak = Math.max(tally.peak, running)
    if (running > door.maxConcurrency) complain(`${running} turns run at once, ${door.maxConcurrency} may`)
    const facts = readFacts(items)
    const expected = joinTexts(conversation.said)
    if (JSON.stringify(isContinuation(number) ? facts.slice(0, expected.length) : facts) !== JSON.stringify(expected)) {
      complain(`the model sees ${describe(facts)}, the conversation is ${describe(expected)}`)
    }
    if (request.transport === 'websocket') {
      tally.socketTurns++
      if (delta) tally.deltas++
      // A refresh that was answered before the last turn began may be taken up after it: a line belongs to its token.
      const sameToken = request.headers.authorization === conversation.authorization
      if (quiet && sameToken && attempts.length === 1 && disturber.since(before).quiet) {
        tally.quietTurns++
        if (!delta) complain('the whole history was sent over a line that holds it')
      }
    }
    return true
  }
  const replies = plan.replies.map((reply, number) => ({ ...reply, match: (request, items) => matches(request, items, number) && observe(request, items, number) }))
  if (plan.upgrade) replies.unshift({ ...plan.upgrade, upgrade: true, match: (request) => !turn.over && request.headers['session-id'] === conversation.id })
  twin.enqueue(...replies)

  return {
    close(result) {
      turn.over = true
      door.turns.delete(turn)
      twin.withdraw(...replies)
      checkEvents(result, truth, complain)
      const since = disturber.since(before)
      const refusals = twin.requests.filter(({ at, status, headers }) => at >= startedAt && status === 401 && headers['session-id'] === conversation.id).length
      const name = result.error?.name
      if (result.error) {
        const may = [
          ...(plan.may ?? []),
          ...(since.broken ? BROKEN : []),
          // The token may have been refused already, and then its successor too: that is not tried a third time.
          ...(since.killed || refusals > 1 ? ['AuthenticationError'] : []),
          ...(since.refreshFailed ? REFRESH_FAILED : []),
        ]
        if (!may.includes(name)) complain(`${name} ${result.error.code ?? ''} ${result.error.message} after ${attempts.length} attempts`)
        checkPartial(result.error.partial, truth, complain)
      } else checkResponse(result.response, truth, complain)
      const last = attempts.at(-1)
      const goesOn = result.response && last?.request.transport === 'websocket' && plan.replies.length - 1 <= 0
      conversation.authorization = last?.request.headers.authorization
      conversation.quiet = goesOn && since.quiet ? disturber.snapshot() : undefined
      const outcome = result.response ? 'ok' : name === 'AbortError' ? 'aborted' : name
      tally.count(door.name, kind, outcome, result.ms)
      return { heard: attempts.length === plan.replies.length, right: !complained }
    },
  }
}

const BROKEN = ['StreamError', 'NetworkError']
const REFRESH_FAILED = ['AuthenticationError', 'ProviderUnavailableError', 'NetworkError']

/** What a model sees, in words that both sides can say: reasoning and instructions left out. */
function readFacts(items) {
  const facts = items.flatMap((item) => {
    if (item.type === 'function_call') return [['call', item.call_id, JSON.stringify(JSON.parse(item.arguments))]]
    if (item.type === 'function_call_output') return [['output', item.call_id, typeof item.output === 'string' ? item.output : textOf(item.output)]]
    if (item.role === 'user' || item.role === 'assistant') return [[item.role, textOf(item.content)]]
    return []
  })
  return joinTexts(facts)
}

const textOf = (content) => (typeof content === 'string' ? content : content.map(({ text }) => text ?? '').join(''))

/** A history may join or part what an assistant said in one go. */
function joinTexts(facts) {
  const joined = []
  for (const fact of facts) {
    const previous = joined.at(-1)
    if (fact[0] === 'assistant' && previous?.[0] === 'assistant') joined[joined.length - 1] = ['assistant', previous[1] + fact[1]]
    else joined.push(fact)
  }
  return joined
}

const describe = (facts) => JSON.stringify(facts.map(([kind, ...rest]) => [kind, ...rest.map((text) => text.slice(0, 40))]).slice(-6))

function checkEvents({ events, left, response, error }, truth, complain) {
  if (events.some((event, index) => event.seq !== index)) complain(`the events are not numbered without gaps: ${JSON.stringify(events.slice(-4))}`)
  const ends = events.filter(({ type }) => type === 'message.end' || type === 'error').length
  if (left ? ends > 1 : ends !== 1) complain(`${ends} terminal events`)
  if (!left && response && events.at(-1)?.type !== 'message.end') complain('a response without message.end')
  if (!left && error && events.at(-1)?.type !== 'error') complain('an error without its event')
  const text = events.map((event) => (event.type === 'text.delta' ? event.text : '')).join('')
  if (left || error ? !truth.text.startsWith(text) : text !== truth.text) complain(`the stream says ${JSON.stringify(text.slice(-80))}, the model said ${JSON.stringify(truth.text.slice(-80))}`)
  const ended = events.filter(({ type }) => type === 'tool_call.end')
  const wanted = truth.toolCalls.slice(0, left || error ? ended.length : undefined)
  if (!sameCalls(ended.map(({ id, name, arguments: input }) => ({ id, name, input })), wanted)) complain(`the stream ends ${ended.length} tool calls, of which one is not whole`)
  for (const { id } of ended) {
    const pieces = events.map((event) => (event.type === 'tool_call.delta' && event.id === id ? event.arguments_fragment : '')).join('')
    const call = truth.toolCalls.find(({ call_id }) => call_id === id)
    if (pieces !== JSON.stringify(call?.arguments)) complain(`the pieces of ${id} make ${pieces.slice(0, 80)}`)
  }
}

const sameCalls = (seen, wanted) =>
  JSON.stringify(seen.map(({ id, name, input }) => [id, name, input])) === JSON.stringify(wanted.map((call) => [call.call_id, call.name, call.arguments]))

const blocksOf = ({ content }) => ({
  text: content.map((block) => (block.type === 'text' ? block.text : '')).join(''),
  calls: content.filter(({ type }) => type === 'tool_call'),
})

function checkResponse(response, truth, complain) {
  const { text, calls } = blocksOf(response)
  if (text !== truth.text) complain(`the response says ${JSON.stringify(text.slice(-80))}, the model said ${JSON.stringify(truth.text.slice(-80))}`)
  if (!sameCalls(calls, truth.toolCalls)) complain(`the response calls ${JSON.stringify(calls).slice(0, 200)}`)
  const reason = truth.toolCalls.length > 0 ? 'tool_calls' : 'stop'
  if (response.finish_reason !== reason) complain(`finish_reason ${response.finish_reason}, expected ${reason}`)
}

/** What came before a failure is a beginning of what was said, and no half call. */
function checkPartial(partial, truth, complain) {
  if (!partial) return
  const { text, calls } = blocksOf(partial)
  if (!truth.text.startsWith(text)) complain(`the partial text ${JSON.stringify(text.slice(-80))} is not the beginning of what was said`)
  if (!sameCalls(calls, truth.toolCalls.slice(0, calls.length))) complain(`the partial answer holds a half call: ${JSON.stringify(calls).slice(0, 200)}`)
}
