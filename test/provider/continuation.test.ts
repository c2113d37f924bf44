/**
 * Sessions of loops that add a temporary developer message to every request and take it away again, over real sockets
 * against the twin, whose prompt cache counts real common prefixes. `TURNS=200 npx vitest run test/provider/continuation.test.ts`
 * is the long showing; it prints its figures.
 */
import { afterEach, describe, expect, test } from 'vitest'
import type { ChatResponse, Message } from '../../src/contract/index.js'
import type { ChatGPTProvider } from '../../src/index.js'
import { startTwin, type Twin, type TwinOptions, type TwinRequest } from '../../src/twin/index.js'
import { mountOnTwin, TOOL, type Mounted } from '../support/mounted.js'

const TURNS = Number(process.env.TURNS ?? 12)
/** The long showing takes as long as the machine is busy. */
const LIMIT_MS = Math.max(600_000, TURNS * 18_000)
const open: (() => Promise<void>)[] = []
afterEach(async () => { for (const close of open.splice(0).reverse()) await close() })

const SYSTEM = `You work on a house of many rooms. ${'Every room has its own rule, and the rule is kept. '.repeat(160)}`
const bodyOf = (request: TwinRequest | undefined) => (request?.body ?? {}) as Record<string, unknown> & { input: Record<string, unknown>[] }
const textsOf = (items: readonly Record<string, unknown>[]) => items.flatMap(({ content }) => (Array.isArray(content) ? content.map((part: { text?: string }) => part.text) : []))
const show = (line: string) => void (TURNS > 12 && process.stdout.write(`${line}\n`))
const percent = (share: number) => `${(100 * share).toFixed(1)} %`

async function mountSession(twin: Twin, id: string, config: Record<string, unknown> = {}, parentId?: string): Promise<Mounted> {
  const mounted = await mountOnTwin({
    on: twin, config: { transport: 'websocket', max_concurrency: 20, ...config }, parts: { session: { id, ...(parentId === undefined ? {} : { parentId }) } },
  })
  open.push(() => mounted.close())
  return mounted
}

async function openTwin(options: TwinOptions = {}): Promise<Twin> {
  const twin = await startTwin(options)
  open.push(() => twin.close())
  return twin
}

/** A loop's session: what it keeps, and one turn with a message that is there for this turn only. */
function createSession(provider: ChatGPTProvider, history: Message[] = [{ role: 'system', content: SYSTEM }]) {
  let turn = 0
  return {
    history,
    async turn(): Promise<{ answer: ChatResponse; sent: Message[] }> {
      turn += 1
      history.push({ role: 'user', content: `Step ${turn}: ${'what is behind the next door? '.repeat(8)}` })
      const sent: Message[] = [...history, { role: 'developer', content: `<reminder>It is ${turn} o'clock, and ${turn} tasks are open.</reminder>` }]
      const answer = await provider.complete({ messages: sent, tools: [TOOL] })
      history.push({ role: 'assistant', content: answer.content })
      return { answer, sent }
    },
  }
}

const usageOf = ({ usage }: ChatResponse) => ({ input: usage?.input_tokens ?? 0, cached: usage?.cache_read_tokens ?? 0 })
const reasonOf = ({ metadata }: ChatResponse) => (metadata?.route as { transport_reason: string }).transport_reason

describe(`a session of ${TURNS} turns with temporary messages`, () => {
  test('exact: the backend sees the history as the host has it, on one connection, under one key', async () => {
    const twin = await openTwin()
    const { provider } = await mountSession(twin, 'session-exact')
    const session = createSession(provider)
    let [input, cached, allowed, unchanged] = [0, 0, 0, 0]
    let temporary = 0
    for (let turn = 1; turn <= TURNS; turn += 1) {
      const { answer, sent } = await session.turn()
      const body = bodyOf(twin.responses().at(-1))
      expect(body['instructions']).toBe(SYSTEM)
      expect(textsOf(body.input)).toEqual(sent.slice(1).map(({ content }) => (typeof content === 'string' ? content : content.map((block) => String(block['text'] ?? '')).join(''))))
      expect(body['prompt_cache_key']).toBe('session-exact')
      if (turn > 1) expect(reasonOf(answer)).toContain(`input[${temporary}] (missing: developer message)`)
      temporary = body.input.length - 1
      const usage = usageOf(answer)
      input += usage.input
      cached += usage.cached
      allowed += unchanged
      // What the next turn may find again: all of this one's input but the temporary message, in whole steps of 128.
      unchanged = Math.floor((usage.input - 25) / 128) * 128
    }
    const upgrades = new Set(twin.responses().map(({ connection }) => connection))
    expect(upgrades.size).toBe(1)
    show(`exact, ${TURNS} turns: cached ${percent(cached / input)} of the input, ${percent(cached / allowed)} of what the unchanged prefix allows`)
    expect(cached / allowed).toBeGreaterThanOrEqual(0.95)
  }, LIMIT_MS)

  test('lenient: every turn after the first goes on from the response before, in its new items alone', async () => {
    const twin = await openTwin()
    const { provider } = await mountSession(twin, 'session-lenient', { continuation: 'lenient' })
    const session = createSession(provider)
    for (let turn = 1; turn <= TURNS; turn += 1) {
      const { answer } = await session.turn()
      if (turn > 1) expect(reasonOf(answer)).toContain('the server also sees 1 temporary message of the turn before')
    }
    const requests = twin.responses()
    const continued = requests.slice(1).filter((request) => bodyOf(request)['previous_response_id'] !== undefined)
    const last = requests.at(-1)
    const { input, tools, instructions } = bodyOf(last)
    const least = Buffer.byteLength(JSON.stringify(input)) + Buffer.byteLength(JSON.stringify(tools)) + Buffer.byteLength(JSON.stringify(instructions))
    show(`lenient, ${TURNS} turns: ${continued.length} of ${requests.length - 1} turns continued; the last sent ${last?.bytes} bytes, ${((last?.bytes ?? 0) / least).toFixed(3)} times its new items, tools and instructions`)
    expect(continued.length).toBe(requests.length - 1)
    expect(input).toHaveLength(2)
    expect((last?.bytes ?? Infinity) / least).toBeLessThanOrEqual(1.1)
  }, LIMIT_MS)
})

test('the session names its conversation though its instructions change, and what else runs in it has a name of its own', async () => {
  const twin = await openTwin()
  const { provider } = await mountSession(twin, 'session-dynamic')
  const ask = (system: string, question: string) => provider.complete({ messages: [{ role: 'system', content: system }, { role: 'user', content: question }] })
  await ask('It is nine.', 'hello')
  await ask('It is ten.', 'hello')
  await ask('Find a title.', 'for this session: hello')
  await ask('It is ten.', 'a question after the history was summed up')
  const keys = twin.responses().map((request) => bodyOf(request)['prompt_cache_key'])
  expect(keys).toEqual(['session-dynamic', 'session-dynamic', expect.stringMatching(/^conv-/) as string, 'session-dynamic'])
})

/** Requests that do not go on from the one before on their connection, its temporary message left aside: what breaks the prompt cache. */
function findBreaks(twin: Twin): string[] {
  const last = new Map<number | undefined, ReturnType<typeof bodyOf>>()
  return twin.responses().flatMap(({ connection, body: raw }) => {
    const body = raw as ReturnType<typeof bodyOf>
    const before = last.get(connection)
    last.set(connection, body)
    if (before === undefined) return []
    const field = ['model', 'instructions', 'tools', 'reasoning', 'text', 'prompt_cache_key'].find((name) => JSON.stringify(before[name]) !== JSON.stringify(body[name]))
    if (field !== undefined) return [field]
    const kept = before.input.slice(0, -1).every((item, at) => JSON.stringify(item) === JSON.stringify(body.input[at]))
    return kept ? [] : [`input of ${before.input.length} items, then of ${body.input.length}`]
  })
}

test('a tree of 12 agents, forked, reconnected, once summed up and compacted: prefixes are found again, children start from the parent\'s', async () => {
  const turns = Math.max(6, TURNS)
  const window = 10_000 + 1500 * turns
  const twin = await openTwin({ models: [{ slug: 'gpt-5.5', visibility: 'list', supported_in_api: true, context_window: window, supported_reasoning_levels: [{ effort: 'medium' }], default_reasoning_level: 'medium' }] })
  const root = await mountSession(twin, 'agent-0')
  const trunk = createSession(root.provider)
  const firstTurns: number[] = []
  const own: { input: number; cached: number }[] = []
  for (let turn = 0; turn < turns; turn += 1) own.push(usageOf((await trunk.turn()).answer))
  // Half way through its own turns the third child's history has grown so far.
  const compact_at = (1.45 * (own[turns - 1] as { input: number }).input) / window
  const agents = await Promise.all(Array.from({ length: 11 }, async (_, index) => {
    const mounted = await mountSession(twin, `agent-${index + 1}`, index === 2 ? { compact_at } : {}, 'agent-0')
    return { mounted, session: createSession(mounted.provider, structuredClone(trunk.history)) }
  }))
  for (let turn = 1; turn <= turns; turn += 1) {
    if (turn === 3) twin.closeSockets()
    await Promise.all(agents.map(async ({ session }, index) => {
      if (turn === 4 && index === 1) session.history.splice(2, session.history.length - 2, { role: 'assistant', content: 'All doors up to here are open.' })
      const usage = usageOf((await session.turn()).answer)
      own.push(usage)
      if (turn === 1) firstTurns.push(usage.cached / Math.max(1, Math.floor((own[turns - 1] as { input: number }).input / 128) * 128 - 128))
    }))
  }
  const input = own.reduce((sum, usage) => sum + usage.input, 0)
  const share = own.reduce((sum, usage) => sum + usage.cached, 0) / input
  const keys = new Set(twin.responses().map((request) => bodyOf(request)['prompt_cache_key']))
  show(`12 agents × ${turns} turns: cached ${percent(share)} of ${input} tokens of input; a child's first turn ${percent(Math.min(...firstTurns))} of the shared prefix at least`)
  const compactions = agents.map(({ mounted }) => mounted.named('llm:request').filter(({ operation }) => operation === 'compaction').length)
  const breaks = findBreaks(twin)
  show(`compactions: ${compactions.reduce((sum, count) => sum + count)}; requests that broke off their prefix: ${breaks.length} of ${twin.responses().length} (${breaks.join('; ')})`)
  expect(compactions.map((count) => count > 0)).toEqual(agents.map((_, index) => index === 2))
  // What the host summed up, and what each compaction put in place of the history: none is ours beside these.
  expect(breaks).toHaveLength(1 + compactions.reduce((sum, count) => sum + count))
  expect([...keys]).toEqual(['agent-0'])
  expect(Math.min(...firstTurns)).toBeGreaterThanOrEqual(0.9)
  expect(share).toBeGreaterThanOrEqual(TURNS >= 200 ? 0.97 : 0.8)
}, LIMIT_MS)
