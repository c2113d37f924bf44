/** Node's words for a certificate that is not believed here. */
const UNTRUSTED_CODE = /^(?:CERT_|SELF_SIGNED|DEPTH_ZERO|UNABLE_TO_(?:VERIFY|GET)|ERR_TLS_CERT)/
/** The rest of them: TLS did not come about. */
const TLS_CODE = /^(?:ERR_TLS|ERR_SSL|EPROTO$)/

/** The peer's certificate is not believed. */
export function isUntrustedCertificate(systemCode: unknown): boolean {
  return typeof systemCode === 'string' && UNTRUSTED_CODE.test(systemCode)
}

/** The peer's certificate is not believed, or TLS did not come about. */
export function isCertificateFault(systemCode: unknown): boolean {
  return isUntrustedCertificate(systemCode) || (typeof systemCode === 'string' && TLS_CODE.test(systemCode))
}

/** What is to be done then, in every command and error. */
export const CERTIFICATE_ADVICE = 'Behind a proxy that inspects traffic, name its certificate authority with ca_file or NODE_EXTRA_CA_CERTS.'
