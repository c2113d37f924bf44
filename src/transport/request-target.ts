import { parseRequestUrl } from './parse-request-url.js'

/** Where a request goes, checked. */
export interface Target {
  /** scheme, host and port */
  origin: string
  /** for messages */
  host: string
  /** path and query */
  path: string
}

/** What is written to the connection. */
export interface SentRequest {
  method: 'GET' | 'POST' | 'DELETE'
  headers: Record<string, string>
  body: Buffer | undefined
}

/** A client calls few addresses, and each of them thousands of times. */
const REMEMBERED_TARGETS = 64

/** @returns checks an address once, see parseRequestUrl */
export function createTargets(): (url: string) => Target {
  const known = new Map<string, Target>()
  return (text) => {
    const found = known.get(text)
    if (found) return found
    const { origin, host, pathname, search } = parseRequestUrl(text, ['http:', 'https:'])
    const target = { origin, host, path: `${pathname}${search}` }
    if (known.size >= REMEMBERED_TARGETS) known.clear()
    known.set(text, target)
    return target
  }
}
