import { defined } from '../lib/index.js'
import { mapBinding } from './auth-failures.js'
import { readClaims } from './claims.js'
import type { Lane } from './lane.js'
import { checkBinding } from './origin-binding.js'
import type { StoredRecord } from './token-store.js'

/**
 * Makes certain that a record's tokens go to the origins they were made for, before anything of them is sent.
 * @param otherwise what else the user may do, for the message
 * @returns what the tokens claim
 * @throws AuthenticationError `origin_mismatch`
 */
export async function assertBinding(lane: Lane, record: StoredRecord, otherwise?: string): ReturnType<typeof readClaims> {
  const claims = await readClaims(record)
  const verdict = checkBinding({
    issuer: lane.issuer,
    baseUrl: lane.baseUrl,
    ...defined({ storedIssuer: record.issuer, storedBaseUrl: record.base_url, tokenIssuer: claims.issuer }),
  })
  if (!verdict.allowed) throw mapBinding(verdict, lane, otherwise)
  return claims
}
