import { type ChatRequest, InvalidRequestError, type JsonObject, type LaneName, type ToolSpec } from '../contract/index.js'
import { isRecord, readString } from '../lib/index.js'
import { takesTool } from './lane-rules.js'
import { takeJson } from './take-json.js'

/** The namespace that version 0.1.0 grouped the caller's tools in on the plan lane; histories of it name it. */
export const FORMER_NAMESPACE = 'host'

export interface ToolDefinitions {
  /** in the caller's order */
  tools: readonly JsonObject[]
  /** plan lane: the item before all others that holds the caller's functions and custom tools */
  item?: string
  /** tools that take free text instead of JSON */
  custom: ReadonlySet<string>
  functions: ReadonlySet<string>
  hosted: ReadonlySet<string>
  leftOut: readonly string[]
}

/**
 * The wire's tools: functions as `{type, name, description, parameters, strict}`; a spec with a
 * `type` of its own passes through, without the fields that only the contract asked for. The plan lane's
 * documentation wants functions in an `additional_tools` item, where names stay flat and a choice can name them.
 * @throws InvalidRequestError for a spec without a name
 */
export function buildToolDefinitions(specs: readonly ToolSpec[], lane: LaneName): ToolDefinitions {
  const sets = { custom: new Set<string>(), functions: new Set<string>(), hosted: new Set<string>() }
  const tools: JsonObject[] = []
  const additional: JsonObject[] = []
  const leftOut: string[] = []
  specs.forEach((spec, index) => {
    const tool = buildTool(spec, index)
    const type = String(tool['type'])
    if (!takesTool(lane, type)) {
      leftOut.push(`tools (${type})`)
      return
    }
    const name = readString(tool, 'name')
    const isOurs = type === 'function' || type === 'custom'
    if (type === 'function' && name !== undefined) sets.functions.add(name)
    else if (type === 'custom' && name !== undefined) sets.custom.add(name)
    else sets.hosted.add(type)
    if (lane === 'plan' && isOurs) additional.push(tool)
    else tools.push(tool)
  })
  const name = () => 'a tool of the request'
  const item = additional.length === 0 ? {} : { item: JSON.stringify({ type: 'additional_tools', role: 'developer', tools: takeJson(additional, name) }) }
  return { tools: takeJson(tools, name), ...item, ...sets, leftOut }
}

function buildTool(spec: ToolSpec, index: number): JsonObject {
  const type = readString(spec, 'type') ?? 'function'
  if (type === 'function') return buildFunction(spec, index)
  const tool: JsonObject = { ...spec }
  // `parameters` and `name` are the contract's for every tool; the API refuses them where a kind has none.
  if (type !== 'tool_search') delete tool['parameters']
  if (type !== 'custom' && type !== 'namespace') delete tool['name']
  else if (!spec.name) throw nameless(index)
  return tool
}

function buildFunction(spec: ToolSpec, index: number): JsonObject {
  // The older API's shape nests the definition.
  const nested = spec['function']
  const source: JsonObject = isRecord(nested) ? nested : spec
  const name = readString(source, 'name')
  if (!name) throw nameless(index)
  const description = readString(source, 'description')
  const parameters = source['parameters']
  return {
    type: 'function',
    name,
    ...(description && { description }),
    parameters: isRecord(parameters) ? parameters : { type: 'object', properties: {} },
    // Left out, it would mean "strict where the schema allows it", and change what the model may send.
    strict: source['strict'] === true,
  }
}

function nameless(index: number): InvalidRequestError {
  return new InvalidRequestError(`tools[${index}] has no name`, { code: 'invalid_tool' })
}

const MODES = new Set(['auto', 'none', 'required'])

/**
 * `auto`, `none` and `required` as they are; a tool's name forces that tool; an object passes, the
 * older API's `{type: "function", function: {name}}` unfolded.
 * @throws InvalidRequestError for a name that no tool has
 */
export function buildToolChoice(choice: ChatRequest['tool_choice'], definitions: ToolDefinitions): string | JsonObject {
  if (choice === undefined || choice === null || choice === '') return 'auto'
  if (typeof choice !== 'string') {
    const nested = choice['function']
    return isRecord(nested) ? { type: 'function', name: nested['name'] } : { ...choice }
  }
  if (MODES.has(choice)) return choice
  if (definitions.functions.has(choice)) return { type: 'function', name: choice }
  if (definitions.custom.has(choice)) return { type: 'custom', name: choice }
  if (definitions.hosted.has(choice)) return { type: choice }
  const names = [...definitions.functions, ...definitions.custom, ...definitions.hosted].join(', ')
  throw new InvalidRequestError(
    `tool_choice names ${JSON.stringify(choice)}, which is none of the request's tools: ${names || 'there are none'}`,
    { code: 'invalid_tool_choice' },
  )
}
