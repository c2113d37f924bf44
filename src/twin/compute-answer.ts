/** The answer that a request brings about by itself: an echo, the calls it asks for, or what a tool gave. Pure and deterministic. */
import { defined, isRecord, parseJson } from '../lib/index.js'
import type { Answer, AnswerItem } from './answer.js'
import type { Turn } from './decode-turn.js'
import { countImages, findLastUserMessage, readJsonAt, readTrailingOutputs, textOfParts } from './read-input.js'
import type { OfferedTool } from './request-tools.js'
import { buildSample } from './sample-json.js'
import type { RecordingReply, RefusalReply, ScriptedReply } from './types.js'

const MAX_ECHO_CHARS = 4_000
const CHARS_PER_TOKEN = 4

/** @param items all the model sees: a continuation's stored ones too */
export function computeAnswer(turn: Turn, items: readonly Record<string, unknown>[]): Answer {
  if (items.at(-1)?.['type'] === 'compaction_trigger') return { items: [{ kind: 'compaction' }], end: { kind: 'completed' } }
  const user = findLastUserMessage(items)
  const userText = textOfParts(user?.['content'])
  const outputs = readTrailingOutputs(items)
  const calls = chooseCalls(turn, userText, outputs.length > 0)
  const answer: AnswerItem[] = reason(turn, outputs.length > 0 ? 'Reading what the tool gave.' : 'Reading the request.')
  if (calls.length > 0) return { items: [...answer, ...calls], end: { kind: 'completed' } }
  const text = formatText(turn, outputs.length > 0 ? describeOutputs(outputs) : echo(userText, countImages(user?.['content'])))
  const limit = turn.lane === 'api_key' && typeof turn.body['max_output_tokens'] === 'number' ? turn.body['max_output_tokens'] * CHARS_PER_TOKEN : Infinity
  if (text.length > limit) return { items: [...answer, { kind: 'message', text: text.slice(0, limit) }], end: { kind: 'incomplete', reason: 'max_output_tokens' } }
  return { items: [...answer, { kind: 'message', text, phase: 'final_answer' }], end: { kind: 'completed' } }
}

function reason(turn: Turn, text: string): AnswerItem[] {
  if (turn.effort === undefined || turn.effort === 'none' || turn.effort === 'minimal') return []
  const parts = turn.summary === undefined ? [] : [`**${text}**\n\nThe effort is ${turn.effort}.`]
  return [{ kind: 'reasoning', parts, sealed: turn.includesEncrypted }]
}

function echo(text: string, images: number): string {
  const shown = text.length > MAX_ECHO_CHARS ? `${text.slice(0, MAX_ECHO_CHARS)}… (${text.length} characters)` : text
  const seen = images === 0 ? '' : ` I see ${images} image${images === 1 ? '' : 's'}.`
  return `You said: ${shown}${seen}`
}

function describeOutputs(outputs: { name: string; output: string }[]): string {
  return outputs.map(({ name, output }) => `The tool ${name} gave: ${output.slice(0, MAX_ECHO_CHARS)}`).join('\n')
}

function formatText(turn: Turn, text: string): string {
  const settings = turn.body['text']
  const format = isRecord(settings) ? settings['format'] : undefined
  if (!isRecord(format)) return text
  if (format['type'] === 'json_schema') return JSON.stringify(buildSample(format['schema'], text))
  return format['type'] === 'json_object' ? JSON.stringify({ answer: text }) : text
}

/** `call NAME {…}` in the user's text, once answered no more; else what tool_choice forces. */
function chooseCalls(turn: Turn, userText: string, answered: boolean): AnswerItem[] {
  const choice: unknown = turn.body['tool_choice']
  if (choice === 'none' || turn.tools.length === 0) return []
  const forced = forcedTool(choice, turn.tools)
  const asked = answered ? [] : readCalls(userText, turn.tools)
  if (asked.length > 0) return turn.body['parallel_tool_calls'] === false ? asked.slice(0, 1) : asked
  return forced ? [buildCall(forced, JSON.stringify(buildSample(forced.parameters ?? {}, userText.slice(0, MAX_ECHO_CHARS))))] : []
}

function forcedTool(choice: unknown, tools: readonly OfferedTool[]): OfferedTool | undefined {
  if (choice === 'required') return tools[0]
  return isRecord(choice) ? tools.find((tool) => tool.name === choice['name']) : undefined
}

function readCalls(text: string, tools: readonly OfferedTool[]): AnswerItem[] {
  const calls: AnswerItem[] = []
  for (const match of text.matchAll(/\bcall\s+([A-Za-z0-9_.-]+)/g)) {
    const name = match[1]?.replace(/\.$/, '')
    const tool = tools.find((each) => each.name === name || `${each.namespace}.${each.name}` === name)
    if (!tool) continue
    const after = match.index + match[0].length
    const json = readJsonAt(text, after)?.json
    const input = tool.kind === 'custom' ? (json ?? text.slice(after).trim()) : json !== undefined && isRecord(parseJson(json)) ? json : '{}'
    calls.push(buildCall(tool, input))
  }
  return calls
}

function buildCall(tool: OfferedTool, input: string): AnswerItem {
  if (tool.kind === 'custom') return { kind: 'custom_tool_call', name: tool.name, input }
  return { kind: 'function_call', name: tool.name, arguments: input, ...defined({ namespace: tool.namespace }) }
}

export const isRefusalReply = (reply: object): reply is RefusalReply => 'status' in reply
export const isRecordingReply = (reply: object): reply is RecordingReply => 'events' in reply

/** What a script wants said. */
export function buildScriptedAnswer(reply: ScriptedReply, turn: Turn): Answer {
  const items: AnswerItem[] = []
  if (reply.reasoning !== undefined) items.push({ kind: 'reasoning', parts: reply.reasoning.split('\n\n'), sealed: turn.includesEncrypted })
  if (reply.text !== undefined) items.push({ kind: 'message', text: reply.text, ...defined({ phase: reply.phase }) })
  for (const call of reply.toolCalls ?? []) {
    const input = typeof call.arguments === 'string' ? call.arguments : JSON.stringify(call.arguments ?? {})
    const callId = call.call_id === undefined ? {} : { callId: call.call_id }
    const custom = turn.tools.some((tool) => tool.kind === 'custom' && tool.name === call.name)
    items.push(custom ? { kind: 'custom_tool_call', name: call.name, input, ...callId } : {
      kind: 'function_call', name: call.name, arguments: input, ...callId, ...defined({ namespace: call.namespace }),
    })
  }
  return {
    items,
    end: reply.failed ? { kind: 'failed', ...reply.failed } : reply.incomplete ? { kind: 'incomplete', reason: reply.incomplete } : { kind: 'completed' },
    ...(reply.usage ? { usage: reply.usage } : {}),
    ...defined({ deltaChars: reply.deltaChars, model: reply.model, terminal: reply.terminal }),
  }
}

/** Whether a reply says anything by itself; one that holds faults alone spoils the computed answer. */
export function isScripted(reply: ScriptedReply): boolean {
  return reply.text !== undefined || reply.reasoning !== undefined || reply.toolCalls !== undefined || reply.failed !== undefined || reply.incomplete !== undefined
}
