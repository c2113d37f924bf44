/** One item of a request's input before the history is checked: tool calls have no wire id yet. */
export type WireEntry = MessageEntry | ReasoningEntry | CallEntry | OutputEntry | HostedEntry

export interface MessageEntry {
  kind: 'message'
  role: 'user' | 'developer' | 'assistant'
  text: string
}

export interface ReasoningEntry {
  kind: 'reasoning'
  id: string | undefined
  /** the JSON text of the item's members after its id */
  rest: string
}

export interface CallEntry {
  kind: 'call'
  /** the caller's id */
  id: string
  name: string
  custom: boolean
  /** the JSON text of the item's members after its call id */
  rest: string
}

export interface OutputEntry {
  kind: 'output'
  /** the caller's id of the call; undefined for an old function message, which names the tool alone */
  id: string | undefined
  name: string | undefined
  /** JSON text of `output` */
  output: string
}

/** An item that goes back as it came. */
export interface HostedEntry {
  kind: 'hosted'
  type: string
  text: string
  callId: string | undefined
  /** the type of the item that has to come back with the same call id */
  answeredBy: string | undefined
}

/** An id may stand once in a request: a copy goes without. */
export function renderReasoning({ id, rest }: ReasoningEntry, isCopy: boolean): string {
  return `{"type":"reasoning",${id === undefined || isCopy ? '' : `"id":${JSON.stringify(id)},`}${rest}}`
}

export function renderCall(call: CallEntry, wireId: string): string {
  return `{"type":"${call.custom ? 'custom_tool_call' : 'function_call'}","call_id":${JSON.stringify(wireId)},${call.rest}}`
}

/** The output's type follows its call's. */
export function renderOutput(output: string, call: { custom: boolean }, wireId: string): string {
  const type = call.custom ? 'custom_tool_call_output' : 'function_call_output'
  return `{"type":"${type}","call_id":${JSON.stringify(wireId)},"output":${output}}`
}
