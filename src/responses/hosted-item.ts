/** Hosted items on their way to the caller and back to the backend. */
import type { HostedBlock, JsonObject, ReasoningProvenance } from '../contract/index.js'
import { readString } from '../lib/index.js'
import { itemType } from './item-types.js'
import type { HostedEntry } from './wire-entry.js'

/** The item as it came; an encrypted one says in `content` who may have it back, as a thought does. */
export function buildHostedBlock(item: JsonObject, provenance: ReasoningProvenance): HostedBlock {
  const encrypted = readString(item, 'encrypted_content')
  if (!encrypted) return { type: 'hosted', item }
  return { type: 'hosted', item, content: [encrypted, readString(item, 'id') ?? null, { ...provenance }] }
}

/** The item as it goes back: without an id, which would point at what no server stored, unless others name it by that. */
export function toWireItem(item: JsonObject): JsonObject {
  if (itemType(String(item['type'])).keepsId) return item
  const { id: _id, ...rest } = item
  return rest
}

export function buildHostedEntry(item: JsonObject): HostedEntry {
  const type = String(item['type'])
  // What the server ran itself, it has answered itself.
  const isServers = item['execution'] === 'server'
  return {
    kind: 'hosted', type, text: JSON.stringify(toWireItem(item)),
    callId: isServers ? undefined : readString(item, 'call_id'),
    answeredBy: isServers ? undefined : itemType(type).answeredBy,
  }
}
