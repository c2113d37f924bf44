/**
 * A plan sign-in as it is kept: in the Python module's own form, so that both programs serve from one file. What version
 * 0.1.0 wrote is read too, and brought to this form by the next save.
 */
import { defined } from '../lib/index.js'
import type { StoredCredential, StoredRecord } from './token-store.js'

/** What the issuer granted, words with blanks between them; undefined where the record doesn't say. */
export function readScope({ scope, scopes }: StoredRecord): string | undefined {
  if (Array.isArray(scopes)) return scopes.filter((word) => typeof word === 'string').join(' ')
  return typeof scope === 'string' ? scope : undefined
}

/** What names this host to the issuer. */
export function readHostId({ ext_agent_host_id: theirs, host_id: former }: StoredRecord): string | undefined {
  return theirs ?? former
}

/**
 * The record with everything that the Python module needs to serve from it and to refresh it: `scopes` as a list,
 * `expires_at` and `saved_at` in seconds, `token_type`, `ext_agent_host_id`.
 */
export function toPlanRecord(record: StoredCredential, nowMs: number): StoredCredential {
  const { scope: _scope, host_id: _host, ...rest } = record
  const scope = readScope(record)
  const hostId = readHostId(record)
  const expiresAt = typeof record.expires_at === 'string' ? Date.parse(record.expires_at) / 1000 : record.expires_at
  return {
    ...rest,
    token_type: 'Bearer',
    ...(scope === undefined ? {} : { scopes: scope.split(/\s+/).filter((word) => word !== '') }),
    ...defined({ expires_at: expiresAt }),
    saved_at: nowMs / 1000,
    ...defined({ ext_agent_host_id: hostId }),
  }
}
