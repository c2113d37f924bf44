/** Which path answers what. */
import { isRecord, readString } from '../lib/index.js'
import { answerTurn } from './answer-turn.js'
import { authorizeCodex, authorizePlan } from './auth-authorize.js'
import type { DeviceDesk } from './auth-device.js'
import { answerRevoke, answerToken } from './auth-token.js'
import type { TwinContext } from './context.js'
import { describeIssuer } from './discovery.js'
import { hasContentType, sendReply, type HttpExchange } from './http-exchange.js'
import { identify, type Door } from './identify.js'
import { checkClientVersion } from './models.js'
import { detailRefusal, isRefusal } from './refusal.js'
import type { Grant } from './token-ledger.js'

export type Handler = (exchange: HttpExchange) => void | Promise<void>
/** `METHOD /path` → its handler */
export type Routes = ReadonlyMap<string, Handler>

export function createRoutes(context: TwinContext, devices: DeviceDesk): Routes {
  return new Map<string, Handler>([
    ['POST /backend-api/codex/responses', (exchange) => answerTurn(context, exchange, 'codex')],
    ['POST /v1/responses', (exchange) => answerTurn(context, exchange, 'api')],
    ['GET /backend-api/codex/models', (exchange) => answerModels(context, exchange, 'codex')],
    ['GET /v1/models', (exchange) => answerModels(context, exchange, 'api')],
    ['GET /backend-api/wham/usage', (exchange) => answerAccount(context, exchange, (grant) => context.quota.usage(grant))],
    ['GET /api/codex/usage', (exchange) => answerAccount(context, exchange, (grant) => context.quota.usage(grant))],
    ['POST /backend-api/wham/rate-limit-reset-credits/consume', (exchange) => redeemReset(context, exchange)],
    ['POST /api/codex/rate-limit-reset-credits/consume', (exchange) => redeemReset(context, exchange)],
    ['GET /backend-api/wham/accounts/check', (exchange) => answerAccount(context, exchange, describeAccounts)],
    ['POST /api/accounts/deviceauth/usercode', (exchange) => devices.start(exchange)],
    ['POST /api/accounts/deviceauth/token', (exchange) => devices.poll(exchange)],
    ['GET /codex/device', (exchange) => devices.showPage(exchange)],
    ['POST /codex/device', (exchange) => devices.submitPage(exchange)],
    ['GET /oauth/authorize', (exchange) => authorizeCodex(context, exchange)],
    ['POST /oauth/authorize', (exchange) => authorizeCodex(context, exchange)],
    ['POST /oauth/token', (exchange) => answerToken(context, exchange, 'codex')],
    ['POST /oauth/revoke', (exchange) => answerRevoke(context, exchange, 'codex')],
    ['GET /api/accounts/authorize', (exchange) => authorizePlan(context, exchange)],
    ['POST /api/accounts/authorize', (exchange) => authorizePlan(context, exchange)],
    ['POST /api/accounts/oauth/token', (exchange) => answerToken(context, exchange, 'plan')],
    ['POST /api/accounts/oauth/revoke', (exchange) => answerRevoke(context, exchange, 'plan')],
    ['GET /.well-known/openid-configuration', (exchange) => sendReply(exchange, { status: 200, body: describeIssuer(context) })],
    ['GET /.well-known/jwks.json', (exchange) => sendReply(exchange, { status: 200, body: context.key.jwks() })],
  ])
}

/** What no route answers: a wrong method, a path the plan lane may not use, or nothing at all. */
export function answerUnknown(context: TwinContext, exchange: HttpExchange, routes: Routes): void {
  const { pathname } = exchange.url
  const methods = ['GET', 'POST'].filter((method) => routes.has(`${method} ${pathname}`))
  if (methods.length > 0) return sendReply(exchange, { status: 405, headers: { allow: methods.join(', ') }, body: { detail: 'Method Not Allowed' } })
  if (!pathname.startsWith('/v1/')) return sendReply(exchange, { status: 404, body: { detail: 'Not Found' } })
  const grant = identify(context, 'api', exchange.request.headers)
  if (isRefusal(grant)) return sendReply(exchange, grant)
  if (grant.lane === 'plan') {
    const detail = { code: 'subscription_sharing_route_not_supported', message: 'This endpoint is not available with plan usage.', param: null }
    return sendReply(exchange, { status: 403, body: { detail } })
  }
  const error = { message: `Invalid URL (${exchange.request.method} ${pathname})`, type: 'invalid_request_error', param: null, code: null }
  sendReply(exchange, { status: 404, body: { error } })
}

function answerModels(context: TwinContext, exchange: HttpExchange, door: Door): void {
  const grant = identify(context, door, exchange.request.headers)
  if (isRefusal(grant)) return sendReply(exchange, grant)
  if (grant.lane === 'api_key') {
    const data = context.models.all().filter((model) => model.entry['supported_in_api'] !== false)
    return sendReply(exchange, { status: 200, body: { object: 'list', data: data.map(({ slug }) => ({ id: slug, object: 'model', created: 1_780_000_000, owned_by: 'openai' })) } })
  }
  const version = exchange.url.searchParams.get('client_version') ?? undefined
  const problem = checkClientVersion(version)
  if (problem || version === undefined) return sendReply(exchange, problem ?? { status: 400 })
  sendReply(exchange, { status: 200, headers: { etag: context.models.etag() }, body: { models: context.models.list(version) } })
}

function answerAccount(context: TwinContext, exchange: HttpExchange, describe: (grant: Grant) => Record<string, unknown>): void {
  const grant = identify(context, 'codex', exchange.request.headers)
  sendReply(exchange, isRefusal(grant) ? grant : { status: 200, body: describe(grant) })
}

const REDEMPTION_FIELDS = ['redeem_request_id', 'credit_id']

function redeemReset(context: TwinContext, exchange: HttpExchange): void {
  const grant = identify(context, 'codex', exchange.request.headers)
  if (isRefusal(grant)) return sendReply(exchange, grant)
  if (exchange.bodyProblem) return sendReply(exchange, exchange.bodyProblem)
  const body = hasContentType(exchange, 'application/json') && isRecord(exchange.entry.body) ? exchange.entry.body : {}
  const requestId = readString(body, 'redeem_request_id')
  const unknown = Object.keys(body).find((name) => !REDEMPTION_FIELDS.includes(name))
  if (unknown !== undefined) return sendReply(exchange, detailRefusal(422, [{ type: 'extra_forbidden', loc: ['body', unknown], msg: 'Extra inputs are not permitted' }]))
  if (!requestId) return sendReply(exchange, detailRefusal(422, [{ type: 'missing', loc: ['body', 'redeem_request_id'], msg: 'Field required' }]))
  sendReply(exchange, { status: 200, body: context.quota.redeem(requestId) })
}

function describeAccounts(grant: Grant): Record<string, unknown> {
  return {
    accounts: [{
      id: grant.accountId, plan_type: grant.planType, name: 'Personal', structure: 'personal', workspace_backend_origin: null,
      account_routing_override: 'NO_CONSTRAINT',
    }],
    account_ordering: [grant.accountId],
    default_account_id: grant.accountId,
  }
}
