/** The browser's half of the sign-ins: `/oauth/authorize` (codex lane) and `/api/accounts/authorize` (plan lane). */
import { CODEX_CLIENT_ID } from './auth-device.js'
import { DIRECT_SCOPE } from './behaviour.js'
import type { TwinContext } from './context.js'
import { sendRedirect, sendReply, type HttpExchange } from './http-exchange.js'
import type { Lane } from './token-ledger.js'

const DYNAMIC_CLIENT = 'dynamic_agent_client'
const PUBLIC_RESOURCE = 'https://api.openai.com/v1'
const HOST_ID = /^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/
const CHALLENGE = /^[A-Za-z0-9_-]{43}$/
const CODEX_SCOPES = ['openid', 'profile', 'email', 'offline_access', 'api.connectors.read', 'api.connectors.invoke']

interface Asked {
  get(key: string): string
  has(key: string): boolean
}

const readQuery = (url: URL): Asked => ({ get: (key) => url.searchParams.get(key) ?? '', has: (key) => url.searchParams.has(key) })

/** What is wrong with the parameters that both flows share; the redirect is checked before, by itself. */
function checkCommon(asked: Asked): string | undefined {
  if (asked.get('response_type') !== 'code') return 'response_type must be code'
  if (asked.get('code_challenge_method') !== 'S256') return 'code_challenge_method must be S256'
  if (!CHALLENGE.test(asked.get('code_challenge'))) return 'code_challenge must be 43 characters of base64url'
  if (asked.get('state') === '') return 'state is required'
  if (!asked.get('scope').split(' ').includes('openid')) return 'scope must include openid'
  return undefined
}

function isRedirectAllowed(text: string, host: string, ports: readonly number[] | undefined): boolean {
  if (!URL.canParse(text)) return false
  const redirect = new URL(text)
  return redirect.protocol === 'http:' && redirect.hostname === host && redirect.pathname === '/auth/callback' &&
    redirect.search === '' && redirect.port !== '' && (ports === undefined || ports.includes(Number(redirect.port)))
}

function redirectTo(exchange: HttpExchange, asked: Asked, answer: Record<string, string>): void {
  const location = new URL(asked.get('redirect_uri'))
  for (const [key, value] of Object.entries({ ...answer, state: asked.get('state') })) location.searchParams.set(key, value)
  sendRedirect(exchange, location.href)
}

const refusePage = (exchange: HttpExchange, reason: string): void =>
  sendReply(exchange, { status: 400, body: `<!doctype html><title>Error</title><p>invalid_request: ${reason}</p>` })

/** What the browser's user does; undefined where the flow goes on. */
function decide(context: TwinContext, exchange: HttpExchange, asked: Asked): boolean {
  const { browser } = context.behaviour
  if (browser === 'approve' || (browser === 'page' && exchange.request.method === 'POST')) return true
  if (browser === 'page') {
    sendReply(exchange, { status: 200, body: '<!doctype html><title>Sign in</title><form method="post"><button>Continue</button></form>' })
  } else {
    const reason = browser === 'deny' ? 'The user denied the request.' : 'missing_codex_entitlement'
    redirectTo(exchange, asked, { error: 'access_denied', error_description: reason })
  }
  return false
}

export function authorizeCodex(context: TwinContext, exchange: HttpExchange): void {
  const asked = readQuery(exchange.url)
  if (asked.get('client_id') !== CODEX_CLIENT_ID) return refusePage(exchange, 'unknown client_id')
  if (!isRedirectAllowed(asked.get('redirect_uri'), 'localhost', context.behaviour.redirectPorts)) {
    return refusePage(exchange, 'redirect_uri is not registered')
  }
  const problem = checkCommon(asked)
  if (problem !== undefined) return redirectTo(exchange, asked, { error: 'invalid_request', error_description: problem })
  const unknownScope = asked.get('scope').split(' ').find((scope) => !CODEX_SCOPES.includes(scope))
  if (unknownScope !== undefined) return redirectTo(exchange, asked, { error: 'invalid_scope', error_description: unknownScope })
  if (!decide(context, exchange, asked)) return
  const workspace = asked.get('allowed_workspace_id')
  if (workspace !== '' && workspace !== context.accountId) {
    return redirectTo(exchange, asked, { error: 'access_denied', error_description: 'The workspace is not allowed.' })
  }
  finish(context, exchange, asked, { lane: 'codex', clientId: CODEX_CLIENT_ID, scope: asked.get('scope') }, {})
}

export function authorizePlan(context: TwinContext, exchange: HttpExchange): void {
  const asked = readQuery(exchange.url)
  const clientId = asked.get('client_id')
  const first = clientId === DYNAMIC_CLIENT
  if (!first && !context.planClients.has(clientId)) return refusePage(exchange, 'unknown client_id')
  if (!isRedirectAllowed(asked.get('redirect_uri'), '127.0.0.1', undefined)) return refusePage(exchange, 'redirect_uri must be http://127.0.0.1:<port>/auth/callback')
  const problem = checkCommon(asked) ?? checkPlan(asked, first, context)
  if (problem !== undefined) return redirectTo(exchange, asked, { error: 'invalid_request', error_description: problem })
  if (!decide(context, exchange, asked)) return
  const issued = first ? context.ids.next('oaiapp') : clientId
  context.planClients.add(issued)
  const wanted = asked.get('scope').split(' ')
  const scope = context.behaviour.planScope.split(' ').filter((word) => wanted.includes(word)).join(' ')
  finish(context, exchange, asked, { lane: 'plan', clientId: issued, scope }, { client_id: issued, scope })
}

function checkPlan(asked: Asked, first: boolean, context: TwinContext): string | undefined {
  if (asked.get('nonce') === '') return 'nonce is required'
  const resource = asked.get('resource')
  if (resource !== PUBLIC_RESOURCE && resource !== `${context.url}/v1`) return `resource must be ${PUBLIC_RESOURCE}`
  if (first && asked.get('agent_name_hint') === '') return 'agent_name_hint is required for a new agent'
  if (!first && asked.has('agent_name_hint')) return 'agent_name_hint is for new agents'
  if (first && !HOST_ID.test(asked.get('ext_agent_host_id'))) return 'ext_agent_host_id must be urn:uuid: and a version 4 UUID'
  if (!asked.get('scope').split(' ').includes(DIRECT_SCOPE)) return undefined // identity only
  return asked.get('scope').split(' ').includes('offline_access') ? undefined : 'offline_access is required'
}

function finish(
  context: TwinContext, exchange: HttpExchange, asked: Asked, who: { lane: Lane; clientId: string; scope: string },
  extra: Record<string, string>,
): void {
  const nonce = asked.get('nonce')
  const code = context.codes.issue({
    grant: context.newGrant(who), redirectUri: asked.get('redirect_uri'), challenge: asked.get('code_challenge'),
    ...(nonce === '' ? {} : { nonce }),
  })
  redirectTo(exchange, asked, { code, ...extra })
}
