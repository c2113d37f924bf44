import type { ChatRequest } from '../contract/index.js'
import type { TwinReply } from '../twin/index.js'
import { shorten, textOf, thoughtOf, toCanonical } from './expect.js'
import { FAULTS } from './faults.js'
import { createContext, startTwinOfOwn } from './run-conformance.js'
import { LOOK, SCHEMA, WIRE_USAGE } from './scripts.js'
import type { CheckContext, OpenDoor } from './types.js'

export interface NamedDoor {
  name: string
  open: OpenDoor
}

export interface DoorDifference {
  scenario: string
  door: string
  /** what the first door said, as JSON */
  expected: string
  found: string
}

export interface DoorComparison {
  /** the first is what the others are held against */
  doors: string[]
  /** requests asked at each */
  scenarios: number
  differences: DoorDifference[]
}

interface Scenario {
  name: string
  reply?: TwinReply
  more?: Partial<ChatRequest>
  text?: string
}

/** What wears out an account comes last. */
const SCENARIOS: readonly Scenario[] = [
  { name: 'a computed answer' },
  { name: 'text, thought and counts', reply: { reasoning: 'First this.\n\nThen that.', text: 'So it is.', usage: WIRE_USAGE } },
  { name: 'two calls', more: { tools: [LOOK] }, reply: { reasoning: 'Looking.', toolCalls: [{ name: 'look', arguments: { at: 'a' }, call_id: 'call_a' }, { name: 'look', arguments: { at: 'b' }, call_id: 'call_b' }] } },
  { name: 'an answer to a schema', more: { response_format: { type: 'json_schema', name: 'answer', schema: SCHEMA, strict: true } } },
  { name: 'an effort', more: { reasoning_effort: 'low' } },
  { name: 'a system prompt', text: 'hello', more: { messages: [{ role: 'system', content: 'Be brief.' }, { role: 'user', content: 'hello' }] } },
  { name: 'filtered content', reply: FAULTS.contentFilter },
  { name: 'an unknown model', more: { model: 'gtp-5.5' } },
  ...(['cutInText', 'failedInText', 'overloaded', 'contextLength', 'invalidRequest', 'forbidden', 'rateLimited', 'usageLimit'] as const)
    .map((name): Scenario => ({ name, reply: FAULTS[name] })),
]

/** Asks the same of every door, in the same order; each door stands on a twin of its own. @throws what `open` throws */
export async function compareDoors(doors: readonly NamedDoor[], { model = 'gpt-5.5' }: { model?: string } = {}): Promise<DoorComparison> {
  const [expected = [], ...others] = await Promise.all(doors.map((door) => observe(door, model)))
  const differences = others.flatMap((found, index) => SCENARIOS.flatMap(({ name }, at): DoorDifference[] => {
    const [first = '', other = ''] = [expected[at], found[at]]
    return first === other ? [] : [{ scenario: name, door: doors[index + 1]?.name ?? '', expected: shorten(first, 400), found: shorten(other, 400) }]
  }))
  return { doors: doors.map(({ name }) => name), scenarios: SCENARIOS.length, differences }
}

async function observe({ open }: NamedDoor, model: string): Promise<string[]> {
  const twin = await startTwinOfOwn()
  try {
    const door = await open(twin)
    try {
      const context = createContext({ twin, door, open, model })
      const said: string[] = []
      for (const scenario of SCENARIOS) {
        if (scenario.reply) twin.enqueue(scenario.reply)
        said.push(await ask(context, scenario))
      }
      return said
    } finally {
      await door.close()
    }
  } finally {
    await twin.close()
  }
}

async function ask(context: CheckContext, { text = 'hello', more = {} }: Scenario): Promise<string> {
  try {
    const response = await context.complete(context.ask(text, more))
    const { input_tokens, output_tokens, total_tokens, cache_read_tokens, reasoning_tokens } = response.usage ?? {}
    return toCanonical({
      text: textOf(response),
      thought: thoughtOf(response),
      calls: (response.tool_calls ?? []).map(({ id, name, arguments: given }) => ({ id, name, given })),
      usage: { input_tokens, output_tokens, total_tokens, cached: cache_read_tokens ?? 0, reasoning: reasoning_tokens ?? 0 },
      finish: response.finish_reason,
    })
  } catch (error) {
    // Words differ by request ids; the kind is what a host acts on.
    return toCanonical({ error: context.read(error).kind })
  }
}
