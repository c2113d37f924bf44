import type { JsonObject } from '../contract/index.js'
import { isRecord, readString } from '../lib/index.js'
import { jsonString } from './canonical-json.js'
import { parseArguments } from './read-arguments.js'
import { FORMER_NAMESPACE } from './tool-definitions.js'
import type { CallEntry } from './wire-entry.js'

const MAX_NAME = 128

export interface CallRules {
  /** names of the request's tools that take free text */
  customTools: ReadonlySet<string>
}

/**
 * A call the model made, for the wire. It is a custom tool's where its block or the request's tools say so.
 * @param block has the name, and where the call was grouped its namespace
 * @throws TypeError where the input has no JSON form
 */
export function buildCall(block: JsonObject, id: string, input: unknown, rules: CallRules): CallEntry {
  const name = toWireName(readString(block, 'name') ?? '')
  const custom = block['custom'] === true || rules.customTools.has(name)
  const namespace = readNamespace(block)
  const fields = [
    `"name":${jsonString(name)}`,
    ...(namespace === undefined ? [] : [`"namespace":${jsonString(namespace)}`]),
    custom ? `"input":${jsonString(readCustomInput(input))}` : `"arguments":${jsonString(readArguments(input))}`,
  ]
  return { kind: 'call', id, name, custom, rest: fields.join(',') }
}

/** A history may hold calls of another provider's tools, whose names this API would refuse with the whole request. */
function toWireName(name: string): string {
  return name.replaceAll(/[^A-Za-z0-9_-]/g, '_').slice(0, MAX_NAME) || 'unknown'
}

/** Calls of the former grouping stand outside of it now; a namespace of the caller's own stays. */
function readNamespace(block: JsonObject): string | undefined {
  const namespace = readString(block, 'namespace')
  return namespace === FORMER_NAMESPACE ? undefined : namespace
}

/** Arguments that come as JSON text stay that text; what is no JSON object travels as `_raw`, as it came. */
function readArguments(input: unknown): string {
  if (typeof input !== 'string') return JSON.stringify(input ?? {})
  if (input.trim() === '') return '{}'
  return parseArguments(input) === undefined ? JSON.stringify({ _raw: input }) : input
}

function readCustomInput(input: unknown): string {
  if (typeof input === 'string') return input
  const text = isRecord(input) ? (input['input'] ?? input['_raw']) : undefined
  return typeof text === 'string' ? text : JSON.stringify(input ?? '')
}
