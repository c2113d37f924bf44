import { CompactSign, EncryptJWT, exportJWK, exportSPKI, generateKeyPair, SignJWT, type CryptoKey, type JWTPayload } from 'jose'
import { beforeAll, describe, expect, test } from 'vitest'
import { verifyIdToken } from '../../src/auth/verify-id-token.js'
import type { Transport } from '../../src/transport/transport.js'

const NOW = Date.UTC(2026, 0, 2)
const SECONDS = NOW / 1000
const ISSUER = 'https://issuer.example'
const CLIENT = 'app_made_up'
const CLAIMS: JWTPayload = { iss: ISSUER, aud: CLIENT, sub: 'user', iat: SECONDS - 10, exp: SECONDS + 600, nonce: 'made-up-nonce' }

let keys: { privateKey: CryptoKey; publicKey: CryptoKey }
let stranger: CryptoKey
let elliptic: CryptoKey
let published: unknown

beforeAll(async () => {
  keys = await generateKeyPair('RS256', { extractable: true })
  stranger = (await generateKeyPair('RS256', { extractable: true })).privateKey
  elliptic = (await generateKeyPair('ES256')).privateKey
  published = { keys: [{ ...(await exportJWK(keys.publicKey)), kid: 'one', use: 'sig', alg: 'RS256' }] }
})

interface Forgery { claims?: JWTPayload; header?: Record<string, unknown>; key?: CryptoKey | Uint8Array }

const sign = ({ claims = CLAIMS, header = {}, key = keys.privateKey }: Forgery = {}): Promise<string> =>
  new SignJWT(claims).setProtectedHeader({ alg: 'RS256', kid: 'one', ...header }).sign(key)
const without = (key: string): JWTPayload => Object.fromEntries(Object.entries(CLAIMS).filter(([name]) => name !== key))
const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')

/** Verified at a key address that answers as told. */
function verify(idToken: string, { nonce = 'made-up-nonce', answer = published, status = 200 }: { nonce?: string; answer?: unknown; status?: number } = {}) {
  const transport = { fetch: async () => ({ status, headers: {}, body: typeof answer === 'string' ? answer : JSON.stringify(answer) }) } as unknown as Transport
  return verifyIdToken({ transport, idToken, issuer: ISSUER, jwksUrl: `${ISSUER}/keys`, clientId: CLIENT, nonce, serverNowMs: NOW })
}

test.each<[string, JWTPayload]>([
  ['as it was issued', CLAIMS], ['for several audiences, ours among them', { ...CLAIMS, aud: ['another', CLIENT] }], ['of an issuer with a slash at its end', { ...CLAIMS, iss: `${ISSUER}/` }],
  ['that ran out within the tolerance', { ...CLAIMS, exp: SECONDS - 30 }],
])('a token %s is believed', async (_name, claims) => {
  expect(await verify(await sign({ claims }))).toEqual(claims)
})

describe('a token is refused', () => {
  const refused = (token: string) => expect(verify(token)).rejects.toMatchObject({ name: 'AuthenticationError', code: 'invalid_id_token' })

  test.each<[string, () => Forgery]>([
    ['with another key under our key id', () => ({ key: stranger })],
    ['with a key id that nobody published', () => ({ header: { kid: 'two' }, key: stranger })],
    ['with its own key in the header', () => ({ header: { jwk: { kty: 'RSA' } }, key: stranger })],
    ['with the address of its own keys', () => ({ header: { jku: 'https://evil.example/keys' }, key: stranger })],
    ['with a certificate of its own', () => ({ header: { x5u: 'https://evil.example/cert', x5c: ['made-up'] }, key: stranger })],
    ['by elliptic curves', () => ({ header: { alg: 'ES256' }, key: elliptic })],
    ['that ran out', () => ({ claims: { ...CLAIMS, exp: SECONDS - 61 } })],
    ['that is not valid yet', () => ({ claims: { ...CLAIMS, nbf: SECONDS + 120 } })],
    ['without an expiry', () => ({ claims: without('exp') })],
    ['without a subject', () => ({ claims: without('sub') })],
    ['without a time of issue', () => ({ claims: without('iat') })],
    ['without an issuer', () => ({ claims: without('iss') })],
    ['without an audience', () => ({ claims: without('aud') })],
    ['without a nonce', () => ({ claims: without('nonce') })],
    ['with another nonce', () => ({ claims: { ...CLAIMS, nonce: 'another' } })],
    ['with a list as nonce', () => ({ claims: { ...CLAIMS, nonce: ['made-up-nonce'] } })],
    ['for another client', () => ({ claims: { ...CLAIMS, aud: 'app_evil' } })],
    ['for a longer name than our client', () => ({ claims: { ...CLAIMS, aud: `${CLIENT}x` } })],
    ['for nobody', () => ({ claims: { ...CLAIMS, aud: [] } })],
    ['of another issuer', () => ({ claims: { ...CLAIMS, iss: 'https://evil.example' } })],
    ['of an issuer below ours', () => ({ claims: { ...CLAIMS, iss: `${ISSUER}/tenant` } })],
    ['of an issuer that begins as ours', () => ({ claims: { ...CLAIMS, iss: `${ISSUER}.evil.example` } })],
    ['of our issuer without encryption', () => ({ claims: { ...CLAIMS, iss: ISSUER.replace('https', 'http') } })],
  ])('%s', async (_name, forge) => refused(await sign(forge())))

  test.each<[string, () => Promise<string> | string]>([
    ['without a signature', () => `${encode({ alg: 'none' })}.${encode(CLAIMS)}.`],
    ['without a signature, in capitals', () => `${encode({ alg: 'NONE' })}.${encode(CLAIMS)}.`],
    ['signed with the public key as a secret', async () => new SignJWT(CLAIMS).setProtectedHeader({ alg: 'HS256', kid: 'one' }).sign(Buffer.from(await exportSPKI(keys.publicKey)))],
    ['whose claims were changed', async () => (await sign()).replace(/\.[^.]+\./, `.${encode({ ...CLAIMS, sub: 'another' })}.`)],
    ['whose header was changed', async () => (await sign()).replace(/^[^.]+/, encode({ alg: 'RS256', kid: 'one', typ: 'JWT' }))],
    ['whose signature was cut', async () => (await sign()).slice(0, -8)],
    ['whose signature is gone', async () => (await sign()).replace(/[^.]+$/, '')],
    ['of two parts', async () => (await sign()).split('.').slice(0, 2).join('.')],
    ['that is encrypted', () => new EncryptJWT(CLAIMS).setProtectedHeader({ alg: 'dir', enc: 'A256GCM' }).encrypt(new Uint8Array(32))],
    ['that wants an extension understood', async () => `${encode({ alg: 'RS256', kid: 'one', crit: ['made-up'], 'made-up': 1 })}.${(await sign()).split('.').slice(1).join('.')}`],
    ['whose claims are a list', async () => new CompactSign(Buffer.from('[]')).setProtectedHeader({ alg: 'RS256', kid: 'one' }).sign(keys.privateKey)],
    ['whose claims are no JSON', async () => new CompactSign(Buffer.from('made up')).setProtectedHeader({ alg: 'RS256', kid: 'one' }).sign(keys.privateKey)],
    ['whose expiry is a text', async () => new CompactSign(Buffer.from(JSON.stringify({ ...CLAIMS, exp: String(SECONDS + 600) }))).setProtectedHeader({ alg: 'RS256', kid: 'one' }).sign(keys.privateKey)],
    ['that is no token', () => 'made-up'], ['that is empty', () => ''], ['of dots', () => '..'],
  ])('%s', async (_name, forge) => refused(await forge()))

  test.each([['no JSON', 'made up', 200], ['a list', '[]', 200], ['keys that are none', '{"keys": {}}', 200], ['an error', '{"keys": []}', 503]])('where the key address answers %s, for now', async (_name, answer, status) => {
    await expect(verify(await sign(), { answer, status })).rejects.toMatchObject({ kind: 'transient' })
  })
})
