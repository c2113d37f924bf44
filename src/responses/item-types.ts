/**
 * The types of item that an answer or a history may hold, one row each. A type without a row is a hosted item: kept,
 * shown with its raw item, and sent back in its place. So a new one works without a row; one says what else the API wants.
 */

/** What the reader has rules for; `hosted` is what the contract has no words for. */
export type ItemKind = 'message' | 'reasoning' | 'call' | 'hosted'

interface ItemType {
  kind: ItemKind
  /** what the API's ids of it begin with */
  idPrefix: string
  /** The caller has to run it: without an item of this type and its call id in the history the API refuses it. */
  answeredBy?: string
  /** later items name it by its id, which therefore goes back with it */
  keepsId?: true
}

const hosted = (idPrefix: string, more: Pick<ItemType, 'answeredBy' | 'keepsId'> = {}): ItemType => ({ kind: 'hosted', idPrefix, ...more })

const ITEM_TYPES: Readonly<Record<string, ItemType>> = {
  message: { kind: 'message', idPrefix: 'msg' },
  reasoning: { kind: 'reasoning', idPrefix: 'rs' },
  function_call: { kind: 'call', idPrefix: 'fc' },
  custom_tool_call: { kind: 'call', idPrefix: 'ctc' },
  function_call_output: hosted('fco'),
  custom_tool_call_output: hosted('ctco'),
  web_search_call: hosted('ws'),
  file_search_call: hosted('fs'),
  image_generation_call: hosted('ig'),
  code_interpreter_call: hosted('ci'),
  tool_search_call: hosted('tsc', { answeredBy: 'tool_search_output' }),
  tool_search_output: hosted('tso'),
  local_shell_call: hosted('lsh', { answeredBy: 'local_shell_call_output' }),
  local_shell_call_output: hosted('lsho'),
  shell_call: hosted('sh', { answeredBy: 'shell_call_output' }),
  shell_call_output: hosted('sho'),
  apply_patch_call: hosted('apc', { answeredBy: 'apply_patch_call_output' }),
  apply_patch_call_output: hosted('apco'),
  mcp_call: hosted('mcp', { keepsId: true }),
  mcp_list_tools: hosted('mcpl', { keepsId: true }),
  mcp_approval_request: hosted('mcpr', { keepsId: true }),
  compaction: hosted('cmp'),
}

/** The row of a type; a plain hosted one where it has none. */
export function itemType(type: string): ItemType {
  return (Object.hasOwn(ITEM_TYPES, type) ? ITEM_TYPES[type] : undefined) ?? hosted('item')
}
