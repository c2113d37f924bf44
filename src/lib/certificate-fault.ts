/** By Node's words for it: the peer's certificate is not believed, or TLS did not come about. */
const TLS_CODE = /^(?:ERR_TLS|ERR_SSL|CERT_|SELF_SIGNED|DEPTH_ZERO|UNABLE_TO_(?:VERIFY|GET)|EPROTO$)/

export function isCertificateFault(systemCode: unknown): boolean {
  return typeof systemCode === 'string' && TLS_CODE.test(systemCode)
}

/** What is to be done then, in every command and error. */
export const CERTIFICATE_ADVICE = 'Behind a proxy that inspects traffic, name its certificate authority with ca_file or NODE_EXTRA_CA_CERTS.'
