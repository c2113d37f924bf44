/** Encrypted content: opaque, and good only for the account, lane and model family it was made for. */
import { createHmac } from 'node:crypto'
import { shortHash } from '../lib/index.js'
import type { Lane } from './token-ledger.js'

export interface SealTerms {
  accountId: string
  lane: Lane
  /** the model's slug */
  model: string
}

export interface AtRestCipher {
  seal(terms: SealTerms): string
  /** Remembers what a recording sent, so that it comes back as the twin's own. */
  adopt(sealed: string, terms: SealTerms): void
  opens(sealed: string, terms: SealTerms): boolean
}

const FAMILY = /^[a-z]+-\d+(?:\.\d+)?/
const PAYLOAD_BYTES = 40
const MAC_BYTES = 32

/** `gpt-5.5-pro` and `gpt-5.5` are one family, `gpt-5.4` another. */
export const familyOf = (slug: string): string => FAMILY.exec(slug)?.[0] ?? slug

const bind = (terms: SealTerms) => `${terms.accountId}\n${terms.lane}\n${familyOf(terms.model)}`

export function createAtRestCipher(secret: string): AtRestCipher {
  const adopted = new Map<string, string>()
  let counter = 0
  const mac = (payload: Buffer, terms: SealTerms) => createHmac('sha256', secret).update(payload).update(bind(terms)).digest()
  return {
    seal(terms) {
      const payload = createHmac('sha512', secret).update(`${++counter}`).digest().subarray(0, PAYLOAD_BYTES)
      return `gAAAAA${Buffer.concat([payload, mac(payload, terms)]).toString('base64url')}`
    },
    adopt: (sealed, terms) => void adopted.set(shortHash(sealed), bind(terms)),
    opens(sealed, terms) {
      if (adopted.get(shortHash(sealed)) === bind(terms)) return true
      const bytes = Buffer.from(sealed.replace(/^gAAAAA/, ''), 'base64url')
      if (bytes.length !== PAYLOAD_BYTES + MAC_BYTES) return false
      return mac(bytes.subarray(0, PAYLOAD_BYTES), terms).equals(bytes.subarray(PAYLOAD_BYTES))
    },
  }
}
