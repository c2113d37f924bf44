/** Authorization codes: single use, bound to client, redirect and PKCE challenge. */
import { createHash } from 'node:crypto'
import type { Ids } from './ids.js'
import type { Grant } from './token-ledger.js'

export interface CodeTerms {
  grant: Grant
  redirectUri: string
  /** S256 */
  challenge: string
  nonce?: string
}

export interface CodeLedger {
  issue(terms: CodeTerms): string
  /** The terms, or why not; a code tried once is gone. */
  redeem(code: string, asked: { clientId: string; redirectUri: string; verifier: string }): CodeTerms | { problem: string }
}

const CODE_TTL_MS = 10 * 60_000

export const challengeOf = (verifier: string): string => createHash('sha256').update(verifier).digest('base64url')

export function createCodeLedger(ids: Ids, now: () => number): CodeLedger {
  const codes = new Map<string, CodeTerms & { expiresAtMs: number }>()
  return {
    issue(terms) {
      const code = ids.secret('ac_')
      codes.set(code, { ...terms, expiresAtMs: now() + CODE_TTL_MS })
      return code
    },
    redeem(code, asked) {
      const terms = codes.get(code)
      codes.delete(code)
      if (!terms) return { problem: 'The authorization code is unknown or was used before.' }
      if (terms.expiresAtMs <= now()) return { problem: 'The authorization code has expired.' }
      if (terms.grant.clientId !== asked.clientId) return { problem: 'The authorization code was issued to another client.' }
      if (terms.redirectUri !== asked.redirectUri) return { problem: 'redirect_uri does not match the authorization request.' }
      if (terms.challenge !== challengeOf(asked.verifier)) return { problem: 'The code verifier does not match the challenge.' }
      return terms
    },
  }
}
