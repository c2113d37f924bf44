import type { JsonObject } from '../contract/index.js'
import type { BuiltRequest } from './request-types.js'

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
  const { fieldsText } = built
  const items = extra.fromItem === undefined ? built.items : built.items.slice(extra.fromItem)
  const metadata = extra.client_metadata ?? built.fields['client_metadata']
  const members = [
    member('type', extra.type),
    fieldsText?.of === built.fields ? fieldsText.text : writeFields(built.fields),
    member('generate', extra.generate),
    member('previous_response_id', extra.previous_response_id),
    `"input":[${items.join(',')}]`,
    member('client_metadata', metadata),
  ]
  return `{${members.filter((text) => text !== '').join(',')}}`
}

/**
 * The fields as members of a JSON object, without `client_metadata`, which follows the input.
 * @param write answers the JSON text of a field's value
 */
export function writeFields(fields: JsonObject, write: (name: string, value: unknown) => string = (_name, value) => JSON.stringify(value)): string {
  const members: string[] = []
  for (const [name, value] of Object.entries(fields)) {
    if (value !== undefined && name !== 'client_metadata') members.push(`${JSON.stringify(name)}:${write(name, value)}`)
  }
  return members.join(',')
}

function member(name: string, value: unknown): string {
  return value === undefined ? '' : `"${name}":${JSON.stringify(value)}`
}
