import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ChatResponse, Message } from '../../src/contract/index.js'
import type { ChatGPTProvider } from '../../src/index.js'
import { mountOnHost, type HostMount } from '../../src/mount-on-host.js'
import { startTwin, type Twin, type TwinRequest } from '../../src/twin/index.js'

const SYSTEM = `You work on a house of many rooms. ${'Every room has its own rule, and the rule is kept. '.repeat(160)}`
const TOOL = { name: 'read_file', description: 'Reads a file', parameters: { type: 'object', properties: { path: { type: 'string' } } } }
const CHILDREN = 11
/** The twin's cache finds prefixes in steps of so many tokens. */
const STEP = 128
/** Of the temporary message at a turn's end, at least. */
const TEMPORARY_TOKENS = 25
/** The child whose history the host sums up after its third turn, and the one that has `compact_at`. */
const SUMMED_UP = 1
const COMPACTING = 2

type Body = Record<string, unknown> & { input: Record<string, unknown>[] }

export const bodyOf = (request: TwinRequest | undefined) => (request?.body ?? {}) as Body
export const usageOf = ({ usage }: ChatResponse) => ({ input: usage?.input_tokens ?? 0, cached: usage?.cache_read_tokens ?? 0 })

/** A loop's session: what it keeps, and one turn with a developer message that is there for this turn only. */
export function createSession(provider: Pick<ChatGPTProvider, 'complete'>, history: Message[] = [{ role: 'system', content: SYSTEM }]) {
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

/** Finds requests that do not go on from the one before on their connection, its temporary message left aside: what breaks the prompt cache. */
function watchPrefixes(twin: Twin) {
  const seen = new WeakSet<TwinRequest>()
  const last = new Map<number, Body>()
  const found = { requests: 0, breaks: [] as string[], keys: new Set<unknown>() }
  return {
    found,
    /** Reads what came since; the twin keeps no more of it than a round's requests. */
    read() {
      for (const request of twin.responses()) {
        if (seen.has(request)) continue
        seen.add(request)
        const body = bodyOf(request)
        const before = last.get(request.connection)
        last.set(request.connection, body)
        found.requests += 1
        found.keys.add(body['prompt_cache_key'])
        if (before === undefined) continue
        const field = ['model', 'instructions', 'tools', 'reasoning', 'text', 'prompt_cache_key'].find((name) => JSON.stringify(before[name]) !== JSON.stringify(body[name]))
        const kept = before.input.slice(0, -1).every((item, at) => JSON.stringify(item) === JSON.stringify(body.input[at]))
        if (field !== undefined) found.breaks.push(field)
        else if (!kept) found.breaks.push(`input of ${before.input.length} items, then of ${body.input.length}`)
      }
    },
  }
}

export interface TreeFigures {
  /** tokens of all requests */
  input: number
  /** of these, the share that the backend's cache held */
  cachedShare: number
  /** of the prefix that a child shares with its parent, the least share that its first turn found */
  firstTurnShare: number
  requests: number
  /** what broke off its prefix, in words */
  breaks: readonly string[]
  /** compactions of each child */
  compactions: readonly number[]
  /** which of these may compact, and how many histories the host itself summed up */
  compacting: number
  summedUp: number
  keys: readonly unknown[]
}

/**
 * A parent of `turns` turns, then eleven children that are forked from it and take as many each, all at once: every
 * connection is cut after their second turn, the host sums one history up, another is compacted. No time limits: how
 * long it takes is the machine's affair.
 */
export async function growTree(turns: number, report: (line: string) => void = () => undefined): Promise<TreeFigures> {
  const window = 10_000 + 1500 * turns
  const model = { slug: 'gpt-5.5', visibility: 'list', supported_in_api: true, context_window: window, supported_reasoning_levels: [{ effort: 'medium' }], default_reasoning_level: 'medium' }
  const twin = await startTwin({ models: [model], keepRequests: 8 * (CHILDREN + 1) })
  const folder = await mkdtemp(join(tmpdir(), 'amplifier-tree-'))
  const mounts: HostMount[] = []
  const tokens = join(folder, 'tokens.json')
  const mountAgent = async (index: number, config: Record<string, unknown> = {}) => {
    let compactions = 0
    const mount = await mountOnHost({
      config: {
        base_url: twin.baseUrl, issuer: twin.issuer, token_file_path: tokens, default_model: 'gpt-5.5', transport: 'websocket', max_concurrency: CHILDREN + 1,
        timeout: null, first_event_timeout: null, ...config,
      },
      parts: { warn: () => undefined }, session: { sessionId: `agent-${index}`, ...(index === 0 ? {} : { parentId: 'agent-0' }) },
      prepare: ({ hooks }) => void hooks.register('llm:request', (_event, data) => { if (data['operation'] === 'compaction') compactions += 1 }),
    })
    mounts.push(mount)
    return { provider: mount.provider, compactions: () => compactions }
  }
  try {
    await writeFile(tokens, JSON.stringify({ auth_mode: 'oauth', ...twin.issueTokens() }), { mode: 0o600 })
    const watch = watchPrefixes(twin)
    const used = { input: 0, cached: 0 }
    const add = (usage: { input: number; cached: number }) => {
      used.input += usage.input
      used.cached += usage.cached
    }
    const trunk = createSession((await mountAgent(0)).provider)
    let forkedAt = 0
    for (let turn = 1; turn <= turns; turn += 1) {
      const usage = usageOf((await trunk.turn()).answer)
      add(usage)
      watch.read()
      forkedAt = usage.input
    }
    // Half way through its own turns the child's history has grown so far.
    const compact_at = (1.45 * forkedAt) / window
    const agents = await Promise.all(Array.from({ length: CHILDREN }, async (_, index) => {
      const mounted = await mountAgent(index + 1, index === COMPACTING ? { compact_at } : {})
      return { ...mounted, session: createSession(mounted.provider, structuredClone(trunk.history)) }
    }))
    const shared = Math.floor((forkedAt - TEMPORARY_TOKENS) / STEP) * STEP
    let firstTurnShare = Infinity
    for (let turn = 1; turn <= turns; turn += 1) {
      if (turn === 3) twin.closeSockets()
      await Promise.all(agents.map(async ({ session }, index) => {
        if (turn === 4 && index === SUMMED_UP) session.history.splice(2, session.history.length - 2, { role: 'assistant', content: 'All doors up to here are open.' })
        const usage = usageOf((await session.turn()).answer)
        add(usage)
        if (turn === 1) firstTurnShare = Math.min(firstTurnShare, usage.cached / shared)
      }))
      watch.read()
      if (turn % 20 === 0) report(`${turn} of ${turns} turns of each child, cached ${(100 * used.cached / used.input).toFixed(1)} %`)
    }
    return {
      input: used.input, cachedShare: used.cached / used.input, firstTurnShare, requests: watch.found.requests, breaks: watch.found.breaks,
      compactions: agents.map(({ compactions }) => compactions()), compacting: COMPACTING, summedUp: 1, keys: [...watch.found.keys],
    }
  } finally {
    for (const mount of mounts) await mount.close()
    await twin.close()
    await rm(folder, { recursive: true, force: true })
  }
}
