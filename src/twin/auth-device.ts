/** Sign-in by device code, as the codex lane has it: JSON bodies; 403 and 404 both mean "not yet". */
import { challengeOf } from './auth-codes.js'
import type { TwinContext } from './context.js'
import { hasContentType, readField, sendReply, type HttpExchange } from './http-exchange.js'

export const CODEX_CLIENT_ID = 'app_EMoamEEZ73f0CkXaXp7hrann'
const DEVICE_TTL_MS = 15 * 60_000
const DEFAULT_INTERVAL_S = 5
const PAGE =
  '<!doctype html><title>Sign in to Codex</title><form method="post"><label>Code <input name="user_code"></label>' +
  '<button name="action" value="approve">Continue</button><button name="action" value="deny">Cancel</button></form>'

interface DeviceCode {
  deviceAuthId: string
  userCode: string
  state: 'pending' | 'approved' | 'denied' | 'done'
  polls: number
  expiresAtMs: number
}

export interface DeviceDesk {
  start(exchange: HttpExchange): void
  poll(exchange: HttpExchange): void
  showPage(exchange: HttpExchange): void
  submitPage(exchange: HttpExchange): void
  decide(decision: 'approved' | 'denied', userCode?: string): boolean
}

const refuseDevice = (exchange: HttpExchange, status: number, code: string): void =>
  sendReply(exchange, { status, body: { error: { code, message: code } } })

/** The authorization code, with a PKCE pair that is the server's own. */
function sendCode(context: TwinContext, exchange: HttpExchange): void {
  const verifier = context.ids.secret('', 48)
  const challenge = challengeOf(verifier)
  const grant = context.newGrant({ lane: 'codex', clientId: CODEX_CLIENT_ID })
  const code = context.codes.issue({ grant, redirectUri: `${context.url}/deviceauth/callback`, challenge })
  sendReply(exchange, { status: 200, body: { authorization_code: code, code_challenge: challenge, code_verifier: verifier } })
}

export function createDeviceDesk(context: TwinContext): DeviceDesk {
  const { now, ids } = context
  const settings = context.options.deviceCode ?? {}
  const byId = new Map<string, DeviceCode>()
  let nextDecision: 'approved' | 'denied' | undefined

  const decide: DeviceDesk['decide'] = (decision, userCode) => {
    const waiting = [...byId.values()].filter((code) => code.state === 'pending' && (userCode === undefined || code.userCode === userCode))
    for (const code of waiting) code.state = decision
    if (waiting.length === 0 && userCode === undefined) nextDecision = decision
    return waiting.length > 0
  }

  return {
    decide,
    start(exchange) {
      if (settings.enabled === false) return refuseDevice(exchange, 404, 'not_found')
      if (!hasContentType(exchange, 'application/json') || readField(exchange, 'client_id') !== CODEX_CLIENT_ID) {
        return refuseDevice(exchange, 400, 'invalid_client')
      }
      const serial = String(byId.size + 1).padStart(4, '0')
      const code: DeviceCode = {
        deviceAuthId: ids.next('deviceauth'), userCode: `TWIN-${serial}`, state: nextDecision ?? 'pending', polls: 0,
        expiresAtMs: now() + DEVICE_TTL_MS,
      }
      nextDecision = undefined
      byId.set(code.deviceAuthId, code)
      sendReply(exchange, {
        status: 200,
        body: { device_auth_id: code.deviceAuthId, [settings.codeKey ?? 'user_code']: code.userCode, interval: String(settings.intervalSeconds ?? DEFAULT_INTERVAL_S) },
      })
    },
    poll(exchange) {
      const code = byId.get(readField(exchange, 'device_auth_id') ?? '')
      const refuse = (status: number, reason: string) => refuseDevice(exchange, status, reason)
      if (!hasContentType(exchange, 'application/json')) return refuse(400, 'invalid_request')
      if (!code || code.userCode !== readField(exchange, 'user_code') || code.state === 'done') return refuse(400, 'deviceauth_invalid')
      if (code.expiresAtMs <= now()) return refuse(400, 'deviceauth_expired')
      const after = settings.approveAfterPolls ?? 'never'
      if (code.state === 'pending' && after !== 'never' && code.polls >= after) code.state = 'approved'
      code.polls += 1
      if (code.state === 'approved') {
        code.state = 'done'
        return sendCode(context, exchange)
      }
      if (code.state === 'denied') return refuse(400, 'access_denied')
      // both statuses mean pending, so a client has to know both
      refuse(code.polls % 2 === 1 ? 403 : 404, 'deviceauth_authorization_pending')
    },
    showPage: (exchange) => sendReply(exchange, { status: 200, body: PAGE }),
    submitPage(exchange) {
      const decision = readField(exchange, 'action') === 'deny' ? 'denied' : 'approved'
      const known = decide(decision, readField(exchange, 'user_code') ?? '')
      sendReply(exchange, { status: known ? 200 : 400, body: `<!doctype html><p>${known ? `Device ${decision}.` : 'Unknown or expired code.'}</p>` })
    },
  }
}
