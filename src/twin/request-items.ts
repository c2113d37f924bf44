/** The items of a request's input: shapes, ids, sizes, images. Pure. Pairs of calls and outputs are call-pairs'. */
import { isRecord } from '../lib/index.js'
import { refuseValue } from './lanes.js'
import type { WireModel } from './models.js'
import { errorRefusal, type Refusal } from './refusal.js'
import type { Lane } from './token-ledger.js'

export interface ItemRules {
  lane: Lane
  model: WireModel
  /** false: nothing is kept on the server, so an id alone leads nowhere */
  store: boolean
  /** whether the server sealed this encrypted content for this account, lane and model family */
  opens(encrypted: string): boolean
  /** whether the server has given out an item of that type: it takes what it sends */
  gave(type: string): boolean
}

const MAX_CALL_ID = 64
const MAX_ITEM_ID = 64

const ID_PREFIXES: Record<string, string[]> = {
  message: ['msg'], reasoning: ['rs'], function_call: ['fc'], function_call_output: ['fc', 'fco'], custom_tool_call: ['ctc', 'ct'],
  custom_tool_call_output: ['ctc', 'ctco', 'ct'], tool_search_call: ['tsc'], tool_search_output: ['tso', 'tsc'], local_shell_call: ['lsh'],
  web_search_call: ['ws'], image_generation_call: ['ig'], compaction: ['cmp'], additional_tools: ['at'], agent_message: ['amsg'],
}
const KNOWN = new Set([
  ...Object.keys(ID_PREFIXES), 'compaction_summary', 'context_compaction', 'compaction_trigger', 'configuration_update', 'item_reference',
  'local_shell_call_output', 'mcp_call', 'mcp_list_tools', 'mcp_approval_request', 'mcp_approval_response', 'code_interpreter_call',
  'file_search_call', 'shell_call', 'shell_call_output', 'apply_patch_call', 'apply_patch_call_output',
])
const USER_PARTS = new Set(['input_text', 'input_image', 'input_audio', 'input_file'])
const ASSISTANT_PARTS = new Set(['output_text', 'refusal'])
const OUTPUT_PARTS = new Set(['input_text', 'input_image', 'input_audio', 'input_file', 'encrypted_content'])

const invalid = (param: string, message: string, code = 'invalid_value'): Refusal => errorRefusal(400, { message, param, code })

export function checkItems(items: readonly Record<string, unknown>[], rules: ItemRules): Refusal | undefined {
  const ids = new Set<string>()
  for (const [index, item] of items.entries()) {
    const problem = checkItem(item, `input[${index}]`, rules) ?? checkTrigger(item, `input[${index}]`, index === items.length - 1, rules)
    if (problem) return problem
    const { id } = item
    if (typeof id !== 'string') continue
    if (ids.has(id)) return invalid('input', `Duplicate item found with id ${id}. Remove duplicate items from your input and try again.`, 'duplicate_item')
    ids.add(id)
  }
  return undefined
}

/** The word that asks for a compaction: on door 1, once, at the end. */
function checkTrigger({ type }: Record<string, unknown>, at: string, isLast: boolean, { lane }: ItemRules): Refusal | undefined {
  if (type !== 'compaction_trigger') return undefined
  if (lane !== 'codex') return refuseValue(lane, `Invalid value: 'compaction_trigger' at ${at}`, at)
  return isLast ? undefined : invalid(at, `Invalid value at '${at}': 'compaction_trigger' must be the last item of the input.`)
}

function checkItem(item: Record<string, unknown>, at: string, rules: ItemRules): Refusal | undefined {
  const type = item['type'] ?? (typeof item['role'] === 'string' ? 'message' : undefined)
  if (typeof type !== 'string' || !(KNOWN.has(type) || rules.gave(type))) return invalid(at, `Invalid value: '${String(type)}'. Supported values are: 'message', 'reasoning', 'function_call' and others.`)
  const problem = checkIds(item, type, at)
  if (problem) return problem
  switch (type) {
    case 'message':
      return checkMessage(item, at, rules)
    case 'reasoning':
    case 'compaction':
      return checkSealed(item, at, rules)
    case 'function_call':
      return checkText(item, ['name', 'call_id', 'arguments'], at)
    case 'custom_tool_call':
      return checkText(item, ['name', 'call_id', 'input'], at)
    case 'function_call_output':
    case 'custom_tool_call_output':
      return checkOutput(item, at, rules)
    case 'item_reference':
      return refuseLostItem(String(item['id']))
    default:
      return undefined
  }
}

function checkIds(item: Record<string, unknown>, type: string, at: string): Refusal | undefined {
  const { id, call_id: callId } = item
  if (typeof callId === 'string' && callId.length > MAX_CALL_ID) return refuseLength(`${at}.call_id`, callId, MAX_CALL_ID)
  if (id === undefined || id === null) return undefined
  if (typeof id !== 'string') return invalid(`${at}.id`, `Invalid type for '${at}.id': expected a string.`, 'invalid_type')
  const prefixes = ID_PREFIXES[type]
  if (prefixes && !prefixes.some((prefix) => id.startsWith(`${prefix}_`))) {
    return invalid(`${at}.id`, `Invalid '${at}.id': '${id}'. Expected an ID that begins with '${prefixes[0]}'.`)
  }
  return id.length > MAX_ITEM_ID ? refuseLength(`${at}.id`, id, MAX_ITEM_ID) : undefined
}

const refuseLength = (param: string, text: string, max: number): Refusal => invalid(
  param, `Invalid '${param}': string too long. Expected a string with maximum length ${max}, but got a string with length ${text.length} instead.`,
  'string_above_max_length',
)

function checkText(item: Record<string, unknown>, keys: string[], at: string): Refusal | undefined {
  for (const key of keys) {
    const value = item[key]
    if (value === undefined) return invalid(`${at}.${key}`, `Missing required parameter: '${at}.${key}'.`, 'missing_required_parameter')
    if (typeof value !== 'string') {
      return invalid(`${at}.${key}`, `Invalid type for '${at}.${key}': expected a string, but got an ${Array.isArray(value) ? 'array' : typeof value} instead.`, 'invalid_type')
    }
    if (value === '' && key !== 'arguments' && key !== 'input') {
      return invalid(`${at}.${key}`, `Invalid '${at}.${key}': empty string. Expected a string with minimum length 1, but got an empty string instead.`, 'empty_string')
    }
  }
  return undefined
}

function checkMessage(item: Record<string, unknown>, at: string, rules: ItemRules): Refusal | undefined {
  const { role, content } = item
  if (role === 'system' && rules.lane !== 'api_key') return refuseValue(rules.lane, 'System messages are not allowed', at)
  if (!['user', 'assistant', 'developer', 'system'].includes(String(role))) {
    return invalid(`${at}.role`, `Invalid value: '${String(role)}'. Supported values are: 'assistant', 'developer', and 'user'.`)
  }
  if (typeof content === 'string') return undefined
  if (!Array.isArray(content)) return invalid(`${at}.content`, `Missing required parameter: '${at}.content'.`, 'missing_required_parameter')
  return checkParts(content, role === 'assistant' ? ASSISTANT_PARTS : USER_PARTS, `${at}.content`, rules)
}

function checkOutput(item: Record<string, unknown>, at: string, rules: ItemRules): Refusal | undefined {
  const problem = checkText(item, ['call_id'], at)
  if (problem) return problem
  const { output } = item
  if (typeof output === 'string') return undefined
  if (!Array.isArray(output)) return invalid(`${at}.output`, `Invalid type for '${at}.output': expected one of an array of objects or string.`, 'invalid_type')
  return checkParts(output, OUTPUT_PARTS, `${at}.output`, rules)
}

function checkParts(parts: readonly unknown[], allowed: ReadonlySet<string>, at: string, rules: ItemRules): Refusal | undefined {
  for (const [index, part] of parts.entries()) {
    const type = isRecord(part) ? part['type'] : undefined
    if (!isRecord(part) || typeof type !== 'string' || !allowed.has(type)) {
      const names = [...allowed].map((name) => `'${name}'`).join(', ')
      return invalid(`${at}[${index}]`, `Invalid value: '${String(type)}'. Supported values are: ${names}.`)
    }
    if ((type === 'input_text' || type === 'output_text') && typeof part['text'] !== 'string') {
      return invalid(`${at}[${index}].text`, `Missing required parameter: '${at}[${index}].text'.`, 'missing_required_parameter')
    }
    if (type !== 'input_image') continue
    const problem = checkImage(part, `${at}[${index}]`, rules)
    if (problem) return problem
  }
  return undefined
}

const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/

/** A web address, a file id, or a data URL with an image type, the base64 marker and a payload that decodes. */
function checkImage(part: Record<string, unknown>, at: string, rules: ItemRules): Refusal | undefined {
  if (!rules.model.acceptsImages) {
    return invalid(at, `Invalid value: 'input_image'. The '${rules.model.slug}' model does not support image inputs.`, 'unsupported_value')
  }
  const { image_url: url, file_id: fileId, detail } = part
  if (detail !== undefined && detail !== null && !['auto', 'low', 'high', 'original'].includes(String(detail))) {
    return invalid(`${at}.detail`, `Invalid value: '${String(detail)}'. Supported values are: 'auto', 'low', 'high', and 'original'.`)
  }
  if (typeof fileId === 'string' && url === undefined) return undefined
  const refusal = invalid(`${at}.image_url`, `Invalid '${at}.image_url'. Expected a valid URL, but got a value with an invalid format.`)
  if (typeof url !== 'string') return refusal
  if (!url.startsWith('data:')) return URL.canParse(url) && /^https?:$/.test(new URL(url).protocol) ? undefined : refusal
  const comma = url.indexOf(',')
  const head = url.slice(5, comma === -1 ? undefined : comma).toLowerCase()
  const payload = comma === -1 ? '' : url.slice(comma + 1)
  const sound = head.startsWith('image/') && head.endsWith(';base64') && BASE64.test(payload) && payload.length % 4 === 0
  return sound ? undefined : refusal
}

function checkSealed(item: Record<string, unknown>, at: string, rules: ItemRules): Refusal | undefined {
  const { encrypted_content: sealed, id, type } = item
  if (typeof sealed !== 'string' || sealed === '') {
    if (type === 'compaction') return invalid(`${at}.encrypted_content`, `Missing required parameter: '${at}.encrypted_content'.`, 'missing_required_parameter')
    return type === 'reasoning' && typeof id === 'string' && !rules.store ? refuseLostItem(id) : undefined
  }
  if (rules.opens(sealed)) return undefined
  return invalid(
    `${at}.encrypted_content`,
    `The encrypted content ${sealed.slice(0, 5)}...${sealed.slice(-4)} could not be verified. Reason: Encrypted content could not be decrypted or parsed.`,
    'invalid_encrypted_content',
  )
}

function refuseLostItem(id: string): Refusal {
  return errorRefusal(404, {
    message: `Item with id '${id}' not found. Items are not persisted when \`store\` is set to false. Try again with \`store\` set to true, or remove this item from your input.`,
    param: 'input',
  })
}
