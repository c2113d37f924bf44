/** A certificate authority and a server certificate of it, made from nothing but node:crypto, for 127.0.0.1 and localhost. */
import { generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto'

export interface TestAuthority {
  /** PEM */
  ca: string
  /** PEM, of the server */
  cert: string
  key: string
}

export function createAuthority(name = 'Test Authority'): TestAuthority {
  const authority = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const server = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const basicConstraints = extension('551d13', sequence(tlv(0x01, Buffer.from([0xff]))))
  const altNames = extension('551d11', sequence(tlv(0x82, Buffer.from('localhost')), tlv(0x87, Buffer.from([127, 0, 0, 1]))))
  return {
    ca: buildCertificate({ subject: name, issuer: name, publicKey: authority.publicKey, signer: authority.privateKey, extensions: [basicConstraints] }),
    cert: buildCertificate({ subject: 'localhost', issuer: name, publicKey: server.publicKey, signer: authority.privateKey, extensions: [altNames] }),
    key: server.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  }
}

interface CertificateFields {
  subject: string
  issuer: string
  publicKey: KeyObject
  signer: KeyObject
  extensions: Buffer[]
}

const ECDSA_WITH_SHA256 = sequence(tlv(0x06, Buffer.from('2a8648ce3d040302', 'hex')))

function buildCertificate({ subject, issuer, publicKey, signer, extensions }: CertificateFields): string {
  const serial = Buffer.concat([Buffer.from([0x01]), randomBytes(8)])
  const validity = sequence(time(Date.now() - 86_400_000), time(Date.now() + 86_400_000))
  const body = sequence(
    tlv(0xa0, tlv(0x02, Buffer.from([2]))), // version 3
    tlv(0x02, serial),
    ECDSA_WITH_SHA256,
    commonName(issuer),
    validity,
    commonName(subject),
    publicKey.export({ type: 'spki', format: 'der' }),
    tlv(0xa3, sequence(...extensions)),
  )
  const signature = tlv(0x03, Buffer.concat([Buffer.from([0]), sign('sha256', body, signer)]))
  const base64 = sequence(body, ECDSA_WITH_SHA256, signature).toString('base64')
  return `-----BEGIN CERTIFICATE-----\n${base64.replaceAll(/(.{64})/g, '$1\n')}\n-----END CERTIFICATE-----\n`
}

function tlv(tag: number, ...content: Buffer[]): Buffer {
  const body = Buffer.concat(content)
  const length = body.length < 0x80 ? [body.length] : body.length < 0x100 ? [0x81, body.length] : [0x82, body.length >> 8, body.length & 0xff]
  return Buffer.concat([Buffer.from([tag, ...length]), body])
}

function sequence(...content: Buffer[]): Buffer {
  return tlv(0x30, ...content)
}

function commonName(name: string): Buffer {
  return sequence(tlv(0x31, sequence(tlv(0x06, Buffer.from('550403', 'hex')), tlv(0x0c, Buffer.from(name)))))
}

function extension(oidHex: string, value: Buffer): Buffer {
  return sequence(tlv(0x06, Buffer.from(oidHex, 'hex')), tlv(0x04, value))
}

function time(ms: number): Buffer {
  return tlv(0x18, Buffer.from(`${new Date(ms).toISOString().replaceAll(/[-:T]|\.\d+/g, '')}`))
}
