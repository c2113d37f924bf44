import type { ChatRequest, ContentBlock, JsonObject, ToolSpec } from '../contract/index.js'
import { defined, isRecord, parseJson } from '../lib/index.js'
import { badRequest } from './http-failure.js'

/** A part of a message in either dialect as a block of the contract's. */
export function readPart(part: unknown, param: string): ContentBlock {
  if (typeof part === 'string') return { type: 'text', text: part }
  if (!isRecord(part)) throw badRequest('a content part must be an object', param)
  switch (part.type) {
    case 'text':
    case 'input_text':
    case 'output_text':
      return { type: 'text', text: readText(part.text, param) }
    case 'refusal':
      return { type: 'text', text: readText(part.refusal, param), refusal: true }
    case 'image_url': {
      const image = isRecord(part.image_url) ? part.image_url : { url: part.image_url }
      return readImage(image.url, image.detail, param)
    }
    case 'input_image':
      return readImage(part.image_url, part.detail, param)
    case 'file':
    case 'input_file':
      return readFile(isRecord(part.file) ? part.file : part, param)
    default:
      throw badRequest(`content parts of type ${JSON.stringify(part.type)} are not taken`, param)
  }
}

/** A part's text; none is an empty one. @throws HttpFailure 400 where it is something else */
export function readText(text: unknown, param: string): string {
  if (typeof (text ?? '') !== 'string') throw badRequest('the text of a content part must be a text', `${param}.text`)
  return (text ?? '') as string
}

function readImage(url: unknown, wanted: unknown, param: string): ContentBlock {
  if (typeof url !== 'string' || url === '') throw badRequest('an image takes a URL or a data URL', param)
  const detail = typeof wanted === 'string' ? { detail: wanted } : {}
  const data = /^data:([^;,]+);base64,(.*)$/s.exec(url)
  if (data) return { type: 'image', source: { type: 'base64', media_type: data[1], data: data[2] }, ...detail }
  return { type: 'image', source: { type: 'url', url }, ...detail }
}

/** A file goes to the backend as it is; one kept at another server's file store cannot. */
function readFile(file: JsonObject, param: string): ContentBlock {
  if (typeof file.file_id === 'string') throw badRequest('file_id: files are not kept here: send file_data or file_url', `${param}.file_id`)
  if (typeof file.file_data !== 'string' && typeof file.file_url !== 'string') throw badRequest('a file takes file_data (a data URL) or file_url', param)
  const { filename, file_data, file_url } = file
  return { type: 'input_file', filename, file_data, file_url } as unknown as ContentBlock
}

/** A text or a list of parts of either dialect. @throws the HTTP failure that names `param` */
export function readContent(content: unknown, param: string): string | ContentBlock[] {
  if (content === null || content === undefined) return ''
  if (typeof content === 'string') return content
  if (!Array.isArray(content)) throw badRequest('content must be a text or a list of parts', param)
  return content.map((part, index) => readPart(part, `${param}[${index}]`))
}

/** A call's arguments; text that is no JSON object comes as `{_raw: text}`, so nothing is lost. */
export function readArguments(text: unknown): JsonObject {
  if (isRecord(text)) return text
  const value = typeof text === 'string' ? parseJson(text) : undefined
  return isRecord(value) ? value : { _raw: String(text ?? '') }
}

/** Tools of either dialect; namespaces and hosted tools pass as they are. */
export function readTools(tools: unknown): ToolSpec[] | undefined {
  if (tools === undefined || tools === null) return undefined
  if (!Array.isArray(tools)) throw badRequest('tools must be a list', 'tools')
  return tools.map((tool, index): ToolSpec => {
    if (!isRecord(tool)) throw badRequest('a tool must be an object', `tools[${index}]`)
    if (tool.type === 'custom') return readCustomTool(tool, `tools[${index}]`)
    const inner = isRecord(tool.function) ? tool.function : tool
    if (tool.type !== 'function' && !isRecord(tool.function)) {
      return { ...tool, name: String(tool.name ?? tool.type), parameters: isRecord(tool.parameters) ? tool.parameters : {} }
    }
    if (typeof inner.name !== 'string') throw badRequest('a function tool needs a name', `tools[${index}]`)
    return {
      name: inner.name,
      parameters: isRecord(inner.parameters) ? inner.parameters : { type: 'object', properties: {} },
      ...(typeof inner.description === 'string' ? { description: inner.description } : {}),
      ...(typeof inner.strict === 'boolean' ? { strict: inner.strict } : {}),
    }
  })
}

/** A tool that takes free text; Chat Completions nests it, and its grammar once more. */
function readCustomTool(tool: JsonObject, param: string): ToolSpec {
  const inner = isRecord(tool.custom) ? tool.custom : tool
  if (typeof inner.name !== 'string') throw badRequest('a custom tool needs a name', param)
  const { format } = inner
  const grammar = isRecord(format) && isRecord(format.grammar) ? { ...format.grammar, type: 'grammar' } : format
  return { ...inner, type: 'custom', name: inner.name, parameters: {}, ...defined({ format: grammar }) }
}

interface Allowed {
  mode: string
  names: ReadonlySet<string>
}

/** `allowed_tools` of either dialect: of all tools only these, in this mode. */
function readAllowed(choice: unknown): Allowed | undefined {
  if (!isRecord(choice) || choice.type !== 'allowed_tools') return undefined
  const inner = isRecord(choice.allowed_tools) ? choice.allowed_tools : choice
  const tools = Array.isArray(inner.tools) ? inner.tools.filter(isRecord) : []
  const names = tools.map((tool) => String((isRecord(tool.function) ? tool.function : tool).name ?? tool.server_label ?? tool.type))
  return { mode: typeof inner.mode === 'string' ? inner.mode : 'auto', names: new Set(names) }
}

/** A word (`auto`, `none`, `required`), or the name of the function it forces. */
export function readToolChoice(choice: unknown): ChatRequest['tool_choice'] {
  if (typeof choice === 'string') return choice
  if (!isRecord(choice)) return undefined
  const allowed = readAllowed(choice)
  if (allowed) return allowed.mode
  const inner = isRecord(choice.function) ? choice.function : choice
  if (choice.type === 'custom') return { type: 'custom', name: isRecord(choice.custom) ? choice.custom.name : choice.name }
  return choice.type === 'function' && typeof inner.name === 'string' ? inner.name : choice
}

/** `{type: json_schema, json_schema: {name, schema}}` and the flat form of the Responses dialect. */
export function readFormat(format: unknown): ChatRequest['response_format'] {
  if (!isRecord(format) || format.type === 'text') return undefined
  if (format.type === 'json_object') return { type: 'json' }
  const inner = isRecord(format.json_schema) ? format.json_schema : format
  if (!isRecord(inner.schema)) throw badRequest('response_format json_schema needs a schema', 'response_format')
  return {
    type: 'json_schema',
    schema: inner.schema,
    ...(typeof inner.strict === 'boolean' ? { strict: inner.strict } : {}),
    ...(typeof inner.name === 'string' ? { name: inner.name } : {}),
  }
}

const number = (value: unknown): number | undefined => (typeof value === 'number' && Number.isFinite(value) ? value : undefined)

/** Settings that both dialects write alike; the provider leaves out what its lane refuses. */
export function readSettings(body: JsonObject, maxTokens: unknown): Partial<ChatRequest> {
  const reasoning = isRecord(body.reasoning) ? body.reasoning.effort : body.reasoning_effort
  const conversation = body.prompt_cache_key ?? (isRecord(body.metadata) ? body.metadata.conversation_id : undefined)
  const allowed = readAllowed(body.tool_choice)
  const settings: Partial<ChatRequest> = {
    temperature: number(body.temperature),
    top_p: number(body.top_p),
    max_output_tokens: number(maxTokens),
    tool_choice: readToolChoice(body.tool_choice),
    tools: readTools(body.tools)?.filter((tool) => !allowed || allowed.names.has(tool.name)),
    parallel_tool_calls: typeof body.parallel_tool_calls === 'boolean' ? body.parallel_tool_calls : undefined,
    service_tier: typeof body.service_tier === 'string' && body.service_tier !== 'auto' && body.service_tier !== 'default' ? body.service_tier : undefined,
    reasoning_effort: typeof reasoning === 'string' ? reasoning : undefined,
    conversation_id: typeof conversation === 'string' ? conversation : undefined,
    metadata: isRecord(body.metadata) && typeof body.metadata.agent === 'string' ? { agent: body.metadata.agent } : undefined,
    stop: typeof body.stop === 'string' ? [body.stop] : Array.isArray(body.stop) ? body.stop.map(String) : undefined,
  }
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined))
}
