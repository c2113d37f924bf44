import type { BuiltRequest } from './build-request.js'

export interface SerializeExtra {
  /** the WebSocket's envelope; HTTP refuses it */
  type?: 'response.create'
  /** a delta on a live connection; HTTP refuses it */
  previous_response_id?: string
  /** warm-up: opens the conversation without an answer */
  generate?: false
  /** items before this one are on the server already; default 0 */
  fromItem?: number
  client_metadata?: Readonly<Record<string, string>>
}

/**
 * The request as JSON text. Items are joined as they are, and come last but for what changes with
 * every call: the text of a turn, up to the end of its items, is how the next turn's text begins.
 */
export function serializeRequest(built: BuiltRequest, extra: SerializeExtra = {}): string {
  const members: string[] = []
  const add = (name: string, value: unknown, text?: string) => {
    if (value !== undefined) members.push(`${JSON.stringify(name)}:${text ?? JSON.stringify(value)}`)
  }
  const { client_metadata: metadata, ...fields } = built.fields
  add('type', extra.type)
  for (const [name, value] of Object.entries(fields)) add(name, value, knownText(built, name, value))
  add('generate', extra.generate)
  add('previous_response_id', extra.previous_response_id)
  const items = extra.fromItem === undefined ? built.items : built.items.slice(extra.fromItem)
  members.push(`"input":[${items.join(',')}]`)
  add('client_metadata', extra.client_metadata ?? metadata)
  return `{${members.join(',')}}`
}

function knownText(built: BuiltRequest, name: string, value: unknown): string | undefined {
  const known = built.fieldTexts?.[name]
  return known !== undefined && known.value === value ? known.text : undefined
}
