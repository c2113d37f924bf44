import { X509Certificate } from 'node:crypto'
import { readPlainFile } from '../lib/index.js'
import { readReason } from './failures.js'

/** The largest bundle in use has some 250 KB. */
const MAX_BYTES = 16 * 1024 * 1024

const CERTIFICATE = /-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----[^-]*-----END (?:TRUSTED |X509 )?CERTIFICATE-----/g

/**
 * The certificates of a PEM bundle, each checked to be one.
 * @throws Error that names the file, and the certificate's place where one of them is broken
 */
export async function loadCa(path: string): Promise<string[]> {
  let text: string
  try {
    text = await readPlainFile(path, { maxBytes: MAX_BYTES })
  } catch (error) {
    throw new Error(`the CA bundle ${path} cannot be read: ${readReason(error)}`, { cause: error })
  }
  const certificates = text.match(CERTIFICATE) ?? []
  if (certificates.length === 0) throw new Error(`the CA bundle ${path} holds no PEM certificate`)
  for (const [index, certificate] of certificates.entries()) {
    try {
      new X509Certificate(certificate)
    } catch (error) {
      throw new Error(`the CA bundle ${path} is broken: certificate ${index + 1} of ${certificates.length} cannot be decoded`, {
        cause: error,
      })
    }
  }
  return certificates
}
