import { isRecord } from '../lib/index.js'
import { decodeErrorFrame, readHeaders } from './decode-error-frame.js'
import type { OtherEvent, WireEvent } from './wire-events.js'

type Fields = Record<string, unknown>

/**
 * Checks one event of the wire. Total: never throws; an unknown type, or a known one without the
 * fields that make it useful, is `undefined` and means "pass over".
 *
 * An event is the parsed object itself, checked and not copied, and deltas are looked at first:
 * they are nearly all of a stream, and this costs less than 0.05 µs for each.
 */
export function decodeEvent(value: unknown): WireEvent | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const event = value as Fields
  const type = event['type']
  if (type === 'response.output_text.delta' || type === 'response.function_call_arguments.delta') {
    if (typeof event['delta'] === 'string') return checkReference(event)
  }
  return typeof type === 'string' ? decodeOther(type, event) : decodeErrorFrame(event)
}

/** What {@link decodeEvent} passed over, where it is an event at all. */
export function readOtherEvent(value: unknown): OtherEvent | undefined {
  return isRecord(value) && typeof value['type'] === 'string' ? (value as OtherEvent) : undefined
}

function decodeOther(type: string, event: Fields): WireEvent | undefined {
  switch (type) {
    case 'response.output_text.delta':
    case 'response.refusal.delta':
    case 'response.reasoning_summary_text.delta':
    case 'response.reasoning_text.delta':
    case 'response.function_call_arguments.delta':
    case 'response.custom_tool_call_input.delta':
      return decodeDelta(event)
    case 'response.output_text.done':
    case 'response.refusal.done':
    case 'response.reasoning_summary_text.done':
    case 'response.reasoning_text.done':
      return decodeDone(type, event)
    case 'response.function_call_arguments.done':
    case 'response.custom_tool_call_input.done':
    case 'response.output_text.annotation.added':
      return checkReference(event)
    case 'response.content_part.added':
    case 'response.content_part.done':
    case 'response.reasoning_summary_part.added':
    case 'response.reasoning_summary_part.done':
      return isRecord(event['part']) ? checkReference(event) : undefined
    case 'response.content_part.delta':
      return decodePartDelta(event)
    case 'response.output_item.added':
    case 'response.output_item.done':
      return isRecord(event['item']) && typeof event['item']['type'] === 'string' ? checkReference(event) : undefined
    default:
      return decodeWhole(type, event)
  }
}

/** Events that speak of the answer, not of one of its items. */
function decodeWhole(type: string, event: Fields): WireEvent | undefined {
  switch (type) {
    case 'response.created':
    case 'response.in_progress':
    case 'response.queued':
      return isRecord(event['response']) ? (event as unknown as WireEvent) : undefined
    case 'response.completed':
    case 'response.done':
    case 'response.incomplete':
    case 'response.failed':
    case 'response.cancelled':
      // A terminal ends the answer even where it says nothing else.
      return isRecord(event['response']) ? (event as unknown as WireEvent) : { type, response: {} }
    case 'error':
      return decodeErrorFrame(event)
    case 'response.metadata':
    case 'codex.response.metadata':
      return { type, headers: readHeaders(event['headers']), metadata: event['metadata'] }
    case 'codex.rate_limits':
      return event as unknown as WireEvent
    default:
      return undefined
  }
}

/** References of a wrong type are taken off, so that one that is there can be used unchecked. */
function checkReference(event: Fields): WireEvent {
  const { item_id: id } = event
  if (isIndex(event['output_index']) && isIndex(event['content_index']) && isIndex(event['summary_index']) && (id === undefined || typeof id === 'string')) {
    return event as unknown as WireEvent
  }
  const copy = { ...event }
  for (const key of ['output_index', 'content_index', 'summary_index']) if (!isIndex(event[key])) delete copy[key]
  if (typeof id !== 'string') delete copy['item_id']
  return copy as unknown as WireEvent
}

const isIndex = (value: unknown): boolean => value === undefined || Number.isSafeInteger(value)

function decodeDelta(event: Fields): WireEvent | undefined {
  const delta = event['delta']
  if (typeof delta === 'string') return checkReference(event)
  const text = readText(delta)
  return text === undefined ? undefined : checkReference({ ...event, delta: text })
}

function decodeDone(type: string, event: Fields): WireEvent | undefined {
  const text = readText(type === 'response.refusal.done' ? (event['refusal'] ?? event['text']) : event['text'])
  if (text === undefined) return undefined
  return checkReference(event['text'] === text ? event : { ...event, text })
}

/** An older delta: `{type: "text_delta", text}` in `delta`, in `part`, or at the top. */
function decodePartDelta(event: Fields): WireEvent | undefined {
  const text = readText(event['delta']) ?? readText(event['part']) ?? readText(event['text'])
  return text === undefined ? undefined : checkReference({ ...event, type: 'response.output_text.delta', delta: text })
}

function readText(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  return isRecord(value) && typeof value['text'] === 'string' ? value['text'] : undefined
}
