import { isLoopback } from '../lib/index.js'
import { originOf } from './claims.js'

export interface Binding {
  /** the origin the record says it came from */
  storedIssuer?: string
  /** the origin the record was made to be sent to */
  storedBaseUrl?: string
  /** origin of the tokens' `iss` claim */
  tokenIssuer?: string
  /** as configured */
  issuer: string
  /** as configured */
  baseUrl: string
}

export type BindingVerdict = { allowed: true } | { allowed: false; madeFor: string; configured: string; option: 'issuer' | 'base_url' }

const PUBLIC_ISSUER = 'https://auth.openai.com'
const PUBLIC_HOSTS = ['chatgpt.com', 'api.openai.com']

/**
 * May a token be used with this issuer and sent to this base URL? A token is bound to the origin that
 * issued it. It goes to the origin it was made for at sign-in, to the issuer's own origin, from the
 * public issuer to the two public services, and from loopback to loopback. A token that names no
 * issuer is bound at its next save.
 */
export function checkBinding(binding: Binding): BindingVerdict {
  const issuer = originOf(binding.issuer) ?? binding.issuer
  const baseOrigin = originOf(binding.baseUrl) ?? binding.baseUrl
  // What the tokens say was signed by their issuer; the record around them may have been edited, so both must agree.
  const said = [originOf(binding.tokenIssuer), originOf(binding.storedIssuer)].filter((origin) => origin !== undefined)
  const [bound] = said
  if (bound === undefined) return { allowed: true }
  const other = said.find((origin) => origin !== issuer)
  if (other !== undefined) return { allowed: false, madeFor: other, configured: issuer, option: 'issuer' }
  const storedBase = originOf(binding.storedBaseUrl)
  const allowed = baseOrigin === storedBase
    || baseOrigin === bound
    || (bound === PUBLIC_ISSUER && isPublicService(baseOrigin))
    || (isLoopback(bound) && isLoopback(baseOrigin))
  return allowed ? { allowed } : { allowed: false, madeFor: storedBase ?? bound, configured: baseOrigin, option: 'base_url' }
}

/** Why this issuer may not be used, undefined where it may: plain http is for loopback only. */
export function checkIssuerUrl(issuer: string): string | undefined {
  if (!URL.canParse(issuer)) return `issuer ${JSON.stringify(issuer)} is no URL`
  const url = new URL(issuer)
  if (url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url.origin))) return undefined
  return `issuer ${url.origin} must be https; plain http is for loopback only`
}

function isPublicService(origin: string): boolean {
  if (!URL.canParse(origin)) return false
  const url = new URL(origin)
  return url.protocol === 'https:' && url.port === '' && PUBLIC_HOSTS.includes(url.hostname)
}
