import { isLoopback } from '../lib/index.js'

/**
 * A URL that credentials may be sent to: https, or http where the host is loopback; no user, no query.
 * @returns the URL without a `/` at its end, or what is wrong with it
 */
export function readServiceUrl(text: string): { url: string } | { problem: string } {
  const parsed = URL.canParse(text) ? new URL(text) : undefined
  if (!parsed || (parsed.protocol !== 'https:' && parsed.protocol !== 'http:')) return { problem: 'an https URL' }
  if (parsed.username !== '' || parsed.password !== '') return { problem: 'a URL without a user and a password in it' }
  if (parsed.search !== '' || parsed.hash !== '') return { problem: 'a URL without a query' }
  if (parsed.protocol === 'http:' && !isLoopback(parsed)) {
    return { problem: 'an https URL; plain http is allowed to loopback only (127.0.0.1, ::1, localhost)' }
  }
  return { url: parsed.href.replace(/\/+$/, '') }
}
