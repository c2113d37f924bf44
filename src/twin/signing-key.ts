/**
 * The twin's RSA key. It is published on purpose: making a fresh 2048-bit key costs 120 ms a twin (measured),
 * and nothing but a twin's own clients ever trusts it. Signing real things with it would be a mistake.
 */
import { createHash, createPrivateKey, createPublicKey, sign, type KeyObject } from 'node:crypto'

const FIRST_PRIME =
  '9AEb4nT-mjGSWnHlRuEXIF9Ia86BtlUQTFRExdVJ90i0eBVenOVxJXKGlAW4nomIqj0uEv3frOS1Ow6Q4ZQ5fdotYm-UnXIjdn55KZ3_3gHvcS0FXAumWU4FEvydmCPmMmz7Y0iafEno3pzSLzYS8SsF_LdsYry-ocyvZUSruV8'
const SECOND_PRIME =
  '6XjGzM8MfnqCxaO0nLxJTHCempdZMSfvtnL2rXf1RH4iO3A6ga8K0Tt-bgukcXqzlhZfIC7P3Jid6G6Oo1yJzsIVTgoOy_hAiVYa5Ln6J7Mt9TmH83_MjhHAqIjWuHgA-B5QtFj6hxaj2-UsG1yGlEm6TAbehyrQRJl1K1fqMq8'
const PUBLIC_EXPONENT = 65_537n

const toBigInt = (text: string) => BigInt(`0x${Buffer.from(text, 'base64url').toString('hex')}`)

function toText(value: bigint): string {
  const hex = value.toString(16)
  return Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex').toString('base64url')
}

/** x with `value × x ≡ 1 (mod modulus)`, by the extended Euclidean algorithm. */
function invert(value: bigint, modulus: bigint): bigint {
  let [previous, current] = [value, modulus]
  let [x, next] = [1n, 0n]
  while (current !== 0n) {
    const quotient = previous / current
    ;[previous, current] = [current, previous - quotient * current]
    ;[x, next] = [next, x - quotient * next]
  }
  return ((x % modulus) + modulus) % modulus
}

function buildPrivateKey(): KeyObject {
  const [p, q] = [toBigInt(FIRST_PRIME), toBigInt(SECOND_PRIME)]
  const d = invert(PUBLIC_EXPONENT, (p - 1n) * (q - 1n))
  return createPrivateKey({
    format: 'jwk',
    key: {
      kty: 'RSA', n: toText(p * q), e: toText(PUBLIC_EXPONENT), d: toText(d), p: FIRST_PRIME, q: SECOND_PRIME,
      dp: toText(d % (p - 1n)), dq: toText(d % (q - 1n)), qi: toText(invert(q, p)),
    },
  })
}

export interface SigningKey {
  /** a compact RS256 JWT */
  sign(claims: Record<string, unknown>): string
  /** what `/.well-known/jwks.json` answers */
  jwks(): { keys: Record<string, unknown>[] }
}

/** Built on first use. */
export function createSigningKey(): SigningKey {
  let made: { key: KeyObject; jwk: Record<string, unknown>; kid: string } | undefined
  const load = () => {
    if (made) return made
    const key = buildPrivateKey()
    const jwk = { ...createPublicKey(key).export({ format: 'jwk' }) }
    const kid = createHash('sha256').update(JSON.stringify(jwk)).digest('base64url')
    made = { key, jwk, kid }
    return made
  }
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  return {
    sign(claims) {
      const { key, kid } = load()
      const signed = `${encode({ alg: 'RS256', kid, typ: 'JWT' })}.${encode(claims)}`
      return `${signed}.${sign('sha256', Buffer.from(signed), key).toString('base64url')}`
    },
    jwks() {
      const { jwk, kid } = load()
      return { keys: [{ ...jwk, kid, use: 'sig', alg: 'RS256' }] }
    },
  }
}
