import * as tls from 'node:tls'
import { loadCa } from './load-ca.js'

export interface TrustOptions {
  caFile?: string
  /** the value of NODE_EXTRA_CA_CERTS */
  extraCaFile?: string
}

/**
 * Whom TLS connections trust: what Node trusts, and the given bundles besides; undefined where there are none, which
 * is Node's own. Never less than the full check: there is no way to turn it off. As in Node, a bundle of
 * NODE_EXTRA_CA_CERTS that cannot be used is passed over (Node has warned of it); `caFile` must be right.
 * @throws Error that names the file
 */
export async function createTrust(options: TrustOptions): Promise<tls.SecureContext | undefined> {
  if (!options.caFile && !options.extraCaFile) return undefined
  const own = options.caFile ? await loadCa(options.caFile) : []
  const extra = options.extraCaFile ? await loadCa(options.extraCaFile).catch(() => []) : []
  if (own.length + extra.length === 0) return undefined
  return tls.createSecureContext({ ca: [...readDefaultCa(), ...extra, ...own] })
}

/** `ca` replaces Node's own list, so that has to be handed in again. `getCACertificates` came with Node 22.15. */
function readDefaultCa(): readonly string[] {
  const read: unknown = Reflect.get(tls, 'getCACertificates')
  return typeof read === 'function' ? (read('default') as string[]) : tls.rootCertificates
}
