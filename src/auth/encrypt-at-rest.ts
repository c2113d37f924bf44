/** Encryption of what is kept where others have access: AES-256-GCM, bound to the place it is kept in. */
import { createCipheriv, createDecipheriv, randomBytes, scrypt } from 'node:crypto'
import { ConfigurationError } from '../contract/index.js'

export interface AtRestCipher {
  /** @param place a sealed text opens in no other place */
  seal(text: string, place: string): Promise<string>
  /** undefined where the key or the place is another one, or the text was changed */
  open(sealed: string, place: string): Promise<string | undefined>
}

const VERSION = 'v1'
const KEY_BYTES = 32
const IV_BYTES = 12
const TAG_BYTES = 16
const MIN_PASSPHRASE = 12
const MARK = /^passphrase:/
/** About 60 ms and 32 MB, once for each salt in a process. */
const SCRYPT = { N: 2 ** 15, r: 8, p: 1, maxmem: 64 * 1024 * 1024 }

/**
 * @param secret 32 bytes as canonical base64 or as hex, else a passphrase of 12 characters or more, which may be marked `passphrase:`
 * @throws ConfigurationError for none, or a short passphrase
 */
export function createAtRestCipher(secret: string | undefined, name = 'AMPLIFIER_CHATGPT_STORE_KEY'): AtRestCipher {
  if (secret === undefined || secret === '') {
    throw new ConfigurationError(`${name} is not set: credentials are kept there encrypted only. Make a key with: openssl rand -base64 32`, { code: 'store_key' })
  }
  const raw = decodeKey(secret)
  if (!raw && secret.replace(MARK, '').length < MIN_PASSPHRASE) {
    throw new ConfigurationError(`${name} is neither 32 bytes as base64 nor a passphrase of ${MIN_PASSPHRASE} characters or more`, { code: 'store_key' })
  }
  const derived = new Map<string, Promise<Buffer>>()
  let salt: Buffer = raw ? Buffer.alloc(0) : randomBytes(16)
  const keyFor = (of: Buffer): Promise<Buffer> => {
    if (raw) return Promise.resolve(raw)
    // 0.1.0 took any 43 letters of the alphabet for a key; what it sealed so has no salt.
    const loose = of.length === 0 ? decodeLoosely(secret.replace(MARK, '')) : undefined
    if (loose) return Promise.resolve(loose)
    const known = derived.get(of.toString('hex')) ?? derive(secret, of)
    derived.set(of.toString('hex'), known)
    return known
  }
  return {
    async seal(text, place) {
      const iv = randomBytes(IV_BYTES)
      const cipher = createCipheriv('aes-256-gcm', await keyFor(salt), iv)
      cipher.setAAD(Buffer.from(place))
      const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()])
      return [VERSION, salt.toString('base64url'), iv.toString('base64url'), body.toString('base64url')].join('.')
    },
    async open(sealed, place) {
      const [version, ...parts] = sealed.split('.')
      const [saltUsed, iv, body] = parts.map((part) => Buffer.from(part, 'base64url'))
      if (version !== VERSION || !saltUsed || iv?.length !== IV_BYTES || !body || body.length < TAG_BYTES) return undefined
      try {
        const decipher = createDecipheriv('aes-256-gcm', await keyFor(saltUsed), iv)
        decipher.setAAD(Buffer.from(place))
        decipher.setAuthTag(body.subarray(body.length - TAG_BYTES))
        const text = Buffer.concat([decipher.update(body.subarray(0, body.length - TAG_BYTES)), decipher.final()]).toString('utf8')
        // Whoever can open it seals with the same salt, so that a fleet derives one key.
        if (!raw && saltUsed.length > 0) salt = saltUsed
        return text
      } catch {
        return undefined
      }
    },
  }
}

function decodeKey(secret: string): Buffer | undefined {
  if (/^[0-9a-f]{64}$/i.test(secret)) return Buffer.from(secret, 'hex')
  const key = decodeLoosely(secret)
  const canonical = secret.replace(/=$/, '')
  return key && [key.toString('base64').replace(/=$/, ''), key.toString('base64url')].includes(canonical) ? key : undefined
}

function decodeLoosely(secret: string): Buffer | undefined {
  if (!/^[A-Za-z0-9+/_-]{43}=?$/.test(secret)) return undefined
  const key = Buffer.from(secret, 'base64')
  return key.length === KEY_BYTES ? key : undefined
}

function derive(secret: string, salt: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(secret, salt, KEY_BYTES, SCRYPT, (error, key) => (error ? reject(error) : resolve(key)))
  })
}
