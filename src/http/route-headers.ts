import type { ServerResponse } from 'node:http'
import { isLLMError, type ChatResponse, type RouteReceipt } from '../contract/index.js'
import { isRecord } from '../lib/index.js'
import type { ExchangeNote } from './endpoint.js'

/** Takes over what the answer says of its way, for the headers and the log. */
export function noteAnswer(note: ExchangeNote, response: ChatResponse): void {
  const route = response.metadata?.route
  if (isRecord(route)) note.route = route as unknown as RouteReceipt
  const served = note.route?.served_model
  if (served !== undefined && served !== 'unknown') note.served = served
  note.degraded = Boolean(response.degradation)
  if (response.usage) note.usage = { input_tokens: response.usage.input_tokens, output_tokens: response.usage.output_tokens }
}

/** Of a call that failed before its answer began: where it ended. */
export function noteFailure(note: ExchangeNote, error: unknown): void {
  if (isLLMError(error) && error.provider !== undefined && error.model !== undefined) note.failed = `${error.provider}/${error.model}`
}

/** `x-served-model`, `x-route` and `x-ignored-fields`, as far as they are known. */
export function describeRoute(note: ExchangeNote): Record<string, string> {
  const { route, ignored } = note
  const served = servedModel(note)
  const role = route?.role ?? note.role
  const candidate = route ? `${route.provider}/${route.resolved_model}` : note.failed
  const parts = [...(role === undefined ? [] : [`role=${role}`]), ...(candidate === undefined ? [] : [`candidate=${candidate}`, `degraded=${note.degraded === true}`])]
  const headers: Record<string, string> = {}
  if (served !== undefined) headers['x-served-model'] = printable(served)
  if (parts.length > 0) headers['x-route'] = printable(parts.join('; '))
  if (ignored.length > 0) headers['x-ignored-fields'] = printable(ignored.join(', '))
  return headers
}

/** What answered, as far as it is known. */
export function servedModel({ served, route }: ExchangeNote): string | undefined {
  return served ?? (route === undefined || route.served_model === 'unknown' ? undefined : route.served_model)
}

/** Names come from catalogs, matrices and who asks: what no header may hold would end the answer, and clients end at heads of 16 KB. */
const printable = (text: string): string => (/[^\x20-\x7e]/.test(text) ? text.replaceAll(/[^\x20-\x7e]/g, '?') : text).slice(0, LONGEST)

const LONGEST = 2000

/** Before the head of an answer leaves. Of a stream only part is known then: the rest follows in its trailers. */
export function setRouteHeaders(response: ServerResponse, note: ExchangeNote): void {
  if (response.headersSent) return
  for (const [name, value] of Object.entries(describeRoute(note))) response.setHeader(name, value)
}

export function addRouteTrailers(response: ServerResponse, note: ExchangeNote): void {
  if (response.chunkedEncoding && !response.destroyed) response.addTrailers(describeRoute(note))
}
