import { readString } from '../lib/index.js'
import { canonicalJson } from './canonical-json.js'
import { decodeArguments, readArgumentsText } from './read-arguments.js'
import { readMessageParts } from './read-item-parts.js'

/** An item of the model's, stripped to what has to be the same for two of them to be one. */
export type CanonicalItem = { kind: 'text'; text: string } | { kind: 'exact'; text: string; /** some histories have no place for it */ optional?: true; /** a history goes on from it without what stood before it */ compacts?: true }

/**
 * The form in which an item the server sent and the one we make of it after it went through the
 * caller's history are equal: without ids, status, phase, annotations and namespace, with arguments
 * as a value. `undefined` for an item that never comes back: reasoning without encrypted content, an
 * empty message.
 */
export function canonicalizeItem(item: Record<string, unknown>): CanonicalItem | undefined {
  switch (item['type']) {
    case 'message': {
      const text = readMessageParts(item).map((part) => part.text).join('')
      if (item['role'] !== undefined && item['role'] !== 'assistant') return { kind: 'exact', text: canonicalJson(item) }
      return text === '' ? undefined : { kind: 'text', text }
    }
    case 'reasoning': {
      const encrypted = readString(item, 'encrypted_content')
      return encrypted ? { kind: 'exact', text: canonicalJson(['reasoning', encrypted]) } : undefined
    }
    case 'function_call': {
      const args = decodeArguments(readArgumentsText(item['arguments']) ?? '', 'function')
      return { kind: 'exact', text: canonicalJson(['function_call', readCallId(item), item['name'], args]) }
    }
    case 'custom_tool_call':
      return { kind: 'exact', text: canonicalJson(['custom_tool_call', readCallId(item), item['name'], item['input']]) }
    case 'function_call_output':
    case 'custom_tool_call_output':
      return { kind: 'exact', text: canonicalJson(item) }
    default: {
      const { id: _id, ...rest } = item
      return { kind: 'exact', text: canonicalJson(rest), optional: true, ...(item['type'] === 'compaction' && { compacts: true }) }
    }
  }
}

function readCallId(item: Record<string, unknown>): unknown {
  return item['call_id'] ?? item['id']
}
