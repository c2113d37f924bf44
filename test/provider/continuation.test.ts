/**
 * Sessions of loops that add a temporary developer message to every request and take it away again, over real sockets
 * against the twin, whose prompt cache counts real common prefixes. `TURNS=200 npx vitest run test/provider/continuation.test.ts`
 * is the long showing of one session; it prints its figures.
 * A tree of agents is shown at length by `node test/soak/agent-tree.mjs`.
 */
import { afterEach, describe, expect, test } from 'vitest'
import type { ChatResponse } from '../../src/contract/index.js'
import { startTwin, type Twin, type TwinOptions } from '../../src/twin/index.js'
import { bodyOf, createSession, growTree, usageOf } from '../support/agent-tree.js'
import { mountOnTwin, type Mounted } from '../support/mounted.js'

const TURNS = Number(process.env.TURNS ?? 12)
/** The long showing takes as long as the machine is busy. */
const LIMIT_MS = Math.max(600_000, TURNS * 18_000)
const open: (() => Promise<void>)[] = []
afterEach(async () => { for (const close of open.splice(0).reverse()) await close() })

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
      expect(body['instructions']).toBe(sent[0]?.content)
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

test('a tree of 12 agents, forked, reconnected, once summed up and compacted: prefixes are found again, children start from the parent\'s', async () => {
  const figures = await growTree(12)
  expect(figures.compactions.map((count) => count > 0)).toEqual(figures.compactions.map((_, index) => index === figures.compacting))
  // What the host summed up, and what each compaction put in place of the history: none is ours beside these.
  expect(figures.breaks).toHaveLength(figures.summedUp + figures.compactions.reduce((sum, count) => sum + count))
  expect(figures.keys).toEqual(['agent-0'])
  expect(figures.firstTurnShare).toBeGreaterThanOrEqual(0.9)
  // Of short histories less can be found again: test/soak/agent-tree.mjs is the long showing.
  expect(figures.cachedShare).toBeGreaterThanOrEqual(0.8)
}, LIMIT_MS)
