import { decodeMoment, defined, shortHash } from '../lib/index.js'
import { readClaims, type Claims } from './claims.js'
import { PLAN_SCOPE } from './plan-lane.js'
import { readScope } from './plan-record.js'
import { hideProperties } from './hide-secrets.js'
import type { Credential } from './credential-source.js'
import type { Lane } from './lane.js'
import type { StoredCredential } from './token-store.js'

/** The credential a record stands for. The bearer is not enumerable. */
export async function identify(lane: Pick<Lane, 'name' | 'issuer'>, record: StoredCredential): Promise<Credential> {
  const claims = await readClaims(record)
  const expiresAtMs = decodeMoment(record.expires_at) ?? claims.expiresAtMs
  const scope = readScope(record)
  const credential: Credential = {
    lane: lane.name,
    accessToken: record.access_token,
    ...defined({ accountId: claims.accountId, planType: claims.planType, subject: claims.subject, email: claims.email, expiresAtMs }),
    ...(claims.fedramp ? { fedramp: true } : {}),
    ...defined({ scope }),
    ...(lane.name === 'plan' ? { planEnabled: hasScope(scope, PLAN_SCOPE) } : {}),
    accountKey: nameAccount(lane, claims, record),
  }
  return hideProperties(credential, 'accessToken')
}

/** True where a space-separated scope holds `scope`. */
export function hasScope(granted: string | undefined, scope: string): boolean {
  return granted?.split(/\s+/).includes(scope) ?? false
}

/** The same for every process that is signed in to the same account, whatever its tokens are at the moment. */
function nameAccount(lane: Pick<Lane, 'name' | 'issuer'>, claims: Claims, record: StoredCredential): string {
  const who = claims.accountId ?? claims.subject ?? record.access_token
  return shortHash([lane.name, claims.issuer ?? lane.issuer, who, lane.name === 'plan' ? (claims.subject ?? '') : ''].join(' '))
}
