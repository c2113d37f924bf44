import { isRecord, parseJson, readString } from '../lib/index.js'
import { originOf } from './claims.js'
import { ExchangeError } from './token-endpoint.js'
import type { Transport } from '../transport/transport.js'

/** What the issuer's openid-configuration says, each only where it lies on the issuer's own origin. */
export interface Discovery {
  authorizeUrl?: string
  tokenUrl?: string
  jwksUrl?: string
  revocationUrl?: string
}

/** @throws ExchangeError where the document cannot be had or speaks for another issuer */
export async function discover(options: { issuer: string; transport: Transport; signal?: AbortSignal }): Promise<Discovery> {
  const { issuer, transport, signal } = options
  const url = `${issuer}/.well-known/openid-configuration`
  const reply = await transport
    .fetch({ method: 'GET', url, headers: { accept: 'application/json' }, timeouts: { connectMs: 15_000, totalMs: 30_000 }, ...(signal ? { signal } : {}) })
    .catch((cause: unknown) => {
      if (signal?.aborted) throw cause
      throw new ExchangeError(`${url} cannot be reached`, { kind: 'transient', cause })
    })
  const body = parseJson(reply.body)
  if (reply.status !== 200 || !isRecord(body)) {
    throw new ExchangeError(`${url} answered ${reply.status}`, { kind: 'transient', status: reply.status })
  }
  if (originOf(readString(body, 'issuer')) !== originOf(issuer)) {
    throw new ExchangeError(`${url} speaks for another issuer`, { kind: 'configuration', code: 'issuer_mismatch' })
  }
  // A document that sent tokens to another origin would undo their binding.
  const own = (key: string) => {
    const value = readString(body, key)
    return value !== undefined && originOf(value) === originOf(issuer) ? value : undefined
  }
  return {
    ...named('authorizeUrl', own('authorization_endpoint')),
    ...named('tokenUrl', own('token_endpoint')),
    ...named('jwksUrl', own('jwks_uri')),
    ...named('revocationUrl', own('revocation_endpoint')),
  }
}

function named<Key extends string>(key: Key, value: string | undefined): Partial<Record<Key, string>> {
  return value === undefined ? {} : ({ [key]: value } as Record<Key, string>)
}
