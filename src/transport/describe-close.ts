import { readReason, readSystemCode } from './failures.js'
import { TransportFailure, type Phase, type TransportFailureFields } from './transport.js'

/**
 * Why a WebSocket ended, as a failure: `closed` with the peer's code; `cut` with 1006 where the connection went without
 * a close frame; `content` where we ended it over what the peer sent (1002 protocol, 1007 text, 1009 size).
 */
export function describeClose(ended: { code: number; reason: string } | undefined, phase: Phase, error: unknown): TransportFailure {
  const { code, reason } = ended ?? { code: 1006, reason: '' }
  const systemCode = readSystemCode(error)
  const fields: TransportFailureFields = { kind: 'closed', phase, closeCode: code, closeReason: reason }
  if (systemCode !== undefined) fields.systemCode = systemCode
  if (error !== undefined) fields.cause = error
  if (systemCode?.startsWith('WS_ERR_')) {
    const closeCode = systemCode === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH' ? 1009 : systemCode === 'WS_ERR_INVALID_UTF8' ? 1007 : 1002
    return new TransportFailure(`the peer sent what cannot be taken: ${readReason(error)}`, { ...fields, kind: 'content', closeCode })
  }
  const detail = reason === '' ? '' : `: ${reason}`
  if (code !== 1006) return new TransportFailure(`the peer closed the connection with ${code}${detail}`, fields)
  const cause = error === undefined ? detail : `: ${readReason(error)}`
  return new TransportFailure(`the connection ended without a close frame${cause}`, { ...fields, kind: 'cut' })
}
