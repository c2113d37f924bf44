/** The tools a request offers: their shapes checked, namespaces laid flat. Pure. */
import { defined, isRecord } from '../lib/index.js'
import { checkToolType } from './lanes.js'
import { errorRefusal, type Refusal } from './refusal.js'
import type { Lane } from './token-ledger.js'

export interface OfferedTool {
  kind: 'function' | 'custom'
  name: string
  namespace?: string
  /** JSON Schema, where the tool has one */
  parameters?: Record<string, unknown>
}

const NAMED = new Set(['function', 'custom', 'namespace'])
const KNOWN = new Set([...NAMED, 'tool_search', 'web_search', 'local_shell', 'image_generation', 'mcp', 'shell', 'file_search', 'code_interpreter'])
const TOOL_NAME = /^[a-zA-Z0-9_-]+$/
const MAX_TOOL_NAME = 128

export function decodeTools(body: Record<string, unknown>, lane: Lane): { offered: OfferedTool[] } | Refusal {
  const own: unknown[] = Array.isArray(body['tools']) ? body['tools'] : []
  const input: unknown[] = Array.isArray(body['input']) ? body['input'] : []
  const additional = input.flatMap((item): unknown[] => {
    return isRecord(item) && item['type'] === 'additional_tools' && Array.isArray(item['tools']) ? item['tools'] : []
  })
  const offered: OfferedTool[] = []
  const seen = new Set<string>()
  for (const [index, tool] of [...own, ...additional].entries()) {
    const problem = isRecord(tool) ? checkTool(tool, index, lane, seen) : refuseTool(index, 'type', 'Expected an object.')
    if (problem) return problem
    if (isRecord(tool)) offered.push(...flatten(tool))
  }
  const choice = checkChoice(body['tool_choice'], offered, own.length + additional.length)
  return choice ?? { offered }
}

const refuseTool = (index: number, key: string, message: string): Refusal =>
  errorRefusal(400, { message: `Invalid 'tools[${index}].${key}': ${message}`, param: `tools[${index}].${key}`, code: 'invalid_value' })

function checkTool(tool: Record<string, unknown>, index: number, lane: Lane, seen: Set<string>): Refusal | undefined {
  const { type, name, parameters } = tool
  if (typeof type !== 'string' || !KNOWN.has(type)) {
    return errorRefusal(400, { message: `Invalid value: '${String(type)}'. Supported values are: 'function', 'custom', 'namespace', 'tool_search' and 'web_search'.`, param: `tools[${index}].type`, code: 'invalid_value' })
  }
  const refused = checkToolType(type, index, lane)
  if (refused || !NAMED.has(type)) return refused
  if (typeof name !== 'string' || name === '') {
    return errorRefusal(400, { message: `Missing required parameter: 'tools[${index}].name'.`, param: `tools[${index}].name`, code: 'missing_required_parameter' })
  }
  if (!TOOL_NAME.test(name)) return refuseTool(index, 'name', "string does not match pattern. Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'.")
  if (name.length > MAX_TOOL_NAME) {
    return errorRefusal(400, { message: `Invalid 'tools[${index}].name': string too long. Expected a string with maximum length ${MAX_TOOL_NAME}, but got a string with length ${name.length} instead.`, param: `tools[${index}].name`, code: 'string_above_max_length' })
  }
  if (seen.has(name)) return errorRefusal(400, { message: `Duplicate tool name: ${name}. Tool names must be unique.`, param: 'tools', code: 'invalid_value' })
  seen.add(name)
  if (type !== 'function' || parameters === undefined || parameters === null) return undefined
  if (isRecord(parameters) && (parameters['type'] === 'object' || parameters['type'] === undefined) && !Array.isArray(parameters['properties'])) return undefined
  return errorRefusal(400, {
    message: `Invalid schema for function '${name}': schema must be a JSON Schema of 'type: "object"', got 'type: "${isRecord(parameters) ? String(parameters['type']) : 'None'}"'.`,
    param: `tools[${index}].parameters`, code: 'invalid_function_parameters',
  })
}

function flatten(tool: Record<string, unknown>, namespace?: string): OfferedTool[] {
  const { type, name, parameters } = tool
  if (typeof name !== 'string') return []
  if (type === 'namespace') {
    const inner: unknown[] = Array.isArray(tool['tools']) ? tool['tools'] : []
    return inner.flatMap((each) => (isRecord(each) ? flatten(each, name) : []))
  }
  if (type !== 'function' && type !== 'custom') return []
  return [{ kind: type, name, ...defined({ namespace }), ...(isRecord(parameters) ? { parameters } : {}) }]
}

function checkChoice(choice: unknown, offered: OfferedTool[], count: number): Refusal | undefined {
  const refuse = (message: string) => errorRefusal(400, { message, param: 'tool_choice', code: 'invalid_value' })
  if (choice === undefined || choice === null || choice === 'auto' || choice === 'none') return undefined
  if (choice === 'required') return count > 0 ? undefined : refuse("Tool choice 'required' must be specified with 'tools' parameter.")
  if (!isRecord(choice)) return refuse(`Invalid value: '${String(choice)}'. Supported values are: 'none', 'auto', and 'required'.`)
  const { name } = choice
  if (typeof name !== 'string' || offered.some((tool) => tool.name === name)) return undefined
  return refuse(`Tool choice '${name}' not found in 'tools' parameter.`)
}
