/** The token endpoints: exchange of a code, refresh, API key, revocation. */
import { defined } from '../lib/index.js'
import { passFault, type AuthFault } from './auth-faults.js'
import { buildAuthRefusal } from './auth-refusal.js'
import type { TwinContext } from './context.js'
import { hasContentType, readField, resetConnection, sendReply, type HttpExchange } from './http-exchange.js'
import type { Lane, TokenSet } from './token-ledger.js'

const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange'
const ID_TOKEN_TYPE = 'urn:ietf:params:oauth:token-type:id_token'
const PUBLIC_RESOURCE = 'https://api.openai.com/v1'

const isForm = (exchange: HttpExchange) => hasContentType(exchange, 'application/x-www-form-urlencoded')
const isJson = (exchange: HttpExchange) => hasContentType(exchange, 'application/json')

/** `/oauth/token` serves the codex lane, `/api/accounts/oauth/token` the plan lane. */
export async function answerToken(context: TwinContext, exchange: HttpExchange, lane: 'codex' | 'plan'): Promise<void> {
  const grantType = readField(exchange, 'grant_type')
  if (!isForm(exchange) && !(isJson(exchange) && lane === 'codex' && grantType === 'refresh_token')) {
    return refuse(context, exchange, lane, 'invalid_request', 'A form body is required.')
  }
  if (grantType === 'authorization_code') return exchangeCode(context, exchange, lane)
  if (grantType === 'refresh_token') return exchangeRefreshToken(context, exchange, lane)
  if (grantType === TOKEN_EXCHANGE && lane === 'codex') return exchangeApiKey(context, exchange)
  refuse(context, exchange, lane, 'unsupported_grant_type')
}

function refuse(context: TwinContext, exchange: HttpExchange, lane: Lane, code: string, message?: string): void {
  const { authErrorShape: shape } = context.behaviour
  sendReply(exchange, buildAuthRefusal(code, { lane, shape, ...defined({ message }) }))
}

/** Plan lane: `resource` names the public API, where it is given at all. */
function isResourceWrong(context: TwinContext, exchange: HttpExchange): boolean {
  const resource = readField(exchange, 'resource')
  return resource !== undefined && resource !== PUBLIC_RESOURCE && resource !== `${context.url}/v1`
}

function exchangeCode(context: TwinContext, exchange: HttpExchange, lane: 'codex' | 'plan'): void {
  if (lane === 'plan' && isResourceWrong(context, exchange)) return refuse(context, exchange, lane, 'invalid_request', 'Unknown resource.')
  const terms = context.codes.redeem(readField(exchange, 'code') ?? '', {
    clientId: readField(exchange, 'client_id') ?? '',
    redirectUri: readField(exchange, 'redirect_uri') ?? '',
    verifier: readField(exchange, 'code_verifier') ?? '',
  })
  if ('problem' in terms) return refuse(context, exchange, lane, 'invalid_grant', terms.problem)
  if (terms.grant.lane !== lane) return refuse(context, exchange, lane, 'invalid_grant')
  sendReply(exchange, { status: 200, body: context.ledger.issue(terms.grant, terms.nonce === undefined ? {} : { nonce: terms.nonce }) })
}

async function exchangeRefreshToken(context: TwinContext, exchange: HttpExchange, lane: 'codex' | 'plan'): Promise<void> {
  const fault = context.refreshFaults.shift()
  const note = { outcome: 'hung', at: context.now(), committed: false }
  context.refreshes.push(note)
  const before = await passFault(fault, 'before', exchange.signal)
  if (before !== 'go_on') {
    note.outcome = before
    return before === 'reset' ? resetConnection(exchange) : undefined
  }
  if (fault && (fault.error !== undefined || fault.status !== undefined)) {
    note.outcome = fault.error ?? `http_${fault.status}`
    return sendScripted(context, exchange, lane, fault)
  }
  const token = readField(exchange, 'refresh_token') ?? ''
  const clientId = readField(exchange, 'client_id') ?? ''
  if (lane === 'plan' && (isResourceWrong(context, exchange) || readField(exchange, 'scope') !== undefined)) {
    note.outcome = 'invalid_request'
    return refuse(context, exchange, lane, 'invalid_request', 'A refresh names the resource and no scope.')
  }
  const result = context.ledger.refresh(token, { lane, clientId })
  if ('code' in result) {
    note.outcome = result.code
    return refuse(context, exchange, lane, result.code)
  }
  note.committed = true
  const after = await passFault(fault, 'after', exchange.signal)
  note.outcome = after === 'go_on' ? 'ok' : after
  if (after === 'reset') return resetConnection(exchange)
  if (after === 'go_on') sendReply(exchange, { status: 200, body: leaveOut(result.tokens, fault) })
}

function leaveOut(tokens: TokenSet, fault: AuthFault | undefined): Record<string, unknown> {
  const left = new Set<string>(fault?.omit)
  return Object.fromEntries(Object.entries(tokens).filter(([key]) => !left.has(key)))
}

function sendScripted(context: TwinContext, exchange: HttpExchange, lane: Lane, fault: AuthFault): void {
  const refusal = buildAuthRefusal(fault.error ?? 'server_error', {
    lane, shape: context.behaviour.authErrorShape, ...defined({ status: fault.status }),
  })
  sendReply(exchange, { ...refusal, ...defined({ body: fault.body }), ...(fault.headers ? { headers: fault.headers } : {}) })
}

function exchangeApiKey(context: TwinContext, exchange: HttpExchange): void {
  const grant = context.ledger.grantOfIdToken(readField(exchange, 'subject_token') ?? '')
  const wellFormed = readField(exchange, 'requested_token') === 'openai-api-key' && readField(exchange, 'subject_token_type') === ID_TOKEN_TYPE
  if (!wellFormed) return refuse(context, exchange, 'codex', 'invalid_request')
  if (!grant || grant.clientId !== readField(exchange, 'client_id')) return refuse(context, exchange, 'codex', 'invalid_grant')
  sendReply(exchange, { status: 200, body: { access_token: context.ledger.issueApiKey(grant), token_type: 'Bearer' } })
}

/** Best effort, as the issuer does it: an unknown token is no error. */
export function answerRevoke(context: TwinContext, exchange: HttpExchange, lane: 'codex' | 'plan'): void {
  const token = readField(exchange, 'token')
  if (token === undefined || (lane === 'codex' ? !isJson(exchange) && !isForm(exchange) : !isForm(exchange))) {
    return refuse(context, exchange, lane, 'invalid_request', 'A token is required.')
  }
  const known = context.ledger.revoke(token)
  context.revocations.push({ token, hint: readField(exchange, 'token_type_hint'), known })
  sendReply(exchange, { status: 200 })
}
