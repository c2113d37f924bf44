import { createDeviceDesk } from './auth-device.js'
import { applyBehaviour } from './behaviour.js'
import { createContext, type TwinContext } from './context.js'
import { createControl } from './control.js'
import { handleRequest } from './handle-request.js'
import { createRoutes } from './routes.js'
import { listen, type TwinServer } from './server.js'
import { createSocketServer } from './socket-server.js'
import type { IssuedTokens, TokenOverrides, Twin, TwinOptions } from './types.js'
import { CODEX_CLIENT_ID } from './auth-device.js'

/**
 * Starts a server on 127.0.0.1 that stands in for the issuer, the model catalog and the Responses backend, over
 * HTTP and WebSocket. Who starts it closes it.
 * @throws the system's error where the port is taken
 */
export async function startTwin(options: TwinOptions = {}): Promise<Twin> {
  const server = await listen({ port: options.port ?? 0, tls: options.tls })
  const closing = new AbortController()
  const context = createContext(options, server.url, closing.signal)
  const devices = createDeviceDesk(context)
  const sockets = createSocketServer(context, server)
  const twin: Twin = {
    ...describeAddresses(context),
    ...buildScripting(context),
    issueTokens: (overrides) => issueTokens(context, overrides),
    issueApiKey: () => context.ledger.issueApiKey(context.newGrant({ lane: 'api_key', clientId: CODEX_CLIENT_ID })),
    approveDevice: (userCode) => void devices.decide('approved', userCode),
    denyDevice: (userCode) => void devices.decide('denied', userCode),
    openConnections: () => server.counts(),
    expireConnections: () => sockets.expire(),
    forgetResponses() {
      sockets.forget()
      context.stored.clear()
    },
    closeSockets: (code, reason, which) => sockets.closeAll(code, reason, which),
    async close() {
      closing.abort()
      sockets.close()
      await server.close()
    },
  }
  attach(server, context, { twin, devices, sockets })
  return twin
}

function attach(
  server: TwinServer, context: TwinContext,
  parts: { twin: Twin; devices: ReturnType<typeof createDeviceDesk>; sockets: ReturnType<typeof createSocketServer> },
): void {
  const handler = {
    context, routes: createRoutes(context, parts.devices), connectionOf: server.connectionOf,
    ...(context.options.control === true ? { control: createControl(parts.twin) } : {}),
  }
  server.onRequest((request, response) => void handleRequest(handler, request, response))
  server.onUpgrade((request, socket, head) => void parts.sockets.upgrade(request, socket, head))
}

function describeAddresses({ url, accountId }: TwinContext): Pick<Twin, 'url' | 'issuer' | 'baseUrl' | 'apiBaseUrl' | 'accountId'> {
  return { url, issuer: url, baseUrl: `${url}/backend-api/codex`, apiBaseUrl: `${url}/v1`, accountId }
}

type Scripting = Pick<
  Twin,
  | 'requests' | 'responses' | 'enqueue' | 'pendingReplies' | 'withdraw' | 'enqueueRefresh' | 'refuse' | 'expireAccessTokens' | 'revokeAccessToken'
  | 'invalidateRefreshToken' | 'refreshes' | 'revocations' | 'setModels' | 'setRateLimits' | 'planUse' | 'exhaust' | 'relieve' | 'configure' | 'activity'
>

function buildScripting(context: TwinContext): Scripting {
  const { ledger, quota } = context
  return {
    requests: context.requests,
    refreshes: context.refreshes,
    revocations: context.revocations,
    responses: () => context.requests.filter((entry) => entry.method === 'FRAME' || (entry.method === 'POST' && entry.path.endsWith('/responses'))),
    enqueue: (...replies) => context.replies.push(replies),
    pendingReplies: () => context.replies.size(),
    withdraw: (...replies) => context.replies.withdraw(replies),
    enqueueRefresh: (...faults) => void context.refreshFaults.push(...faults),
    refuse(path, interception) {
      const waiting = context.interceptions.get(path) ?? []
      context.interceptions.set(path, [...waiting, interception])
    },
    expireAccessTokens: () => ledger.expireAccessTokens(),
    revokeAccessToken: (token) => void ledger.revokeAccess(token),
    invalidateRefreshToken: (token) => void ledger.invalidateRefresh(token),
    setModels: (models) => context.models.set(models),
    setRateLimits: (limits) => quota.set(limits),
    planUse: () => quota.used(),
    exhaust: (model, resetsAt, details = {}) => quota.exhaust(model, resetsAt, details),
    relieve: (model) => quota.relieve(model),
    configure: (behaviour) => applyBehaviour(context.behaviour, behaviour),
    activity: () => context.activity.counts(),
  }
}

function issueTokens(context: TwinContext, overrides: TokenOverrides = {}): IssuedTokens {
  const { lane = 'codex', clientId, expiresInSeconds, ...who } = overrides
  const client = clientId ?? (lane === 'plan' ? context.ids.next('oaiapp') : CODEX_CLIENT_ID)
  if (lane === 'plan') context.planClients.add(client)
  const grant = context.newGrant({ ...who, lane, clientId: client })
  const tokens = context.ledger.issue(grant, expiresInSeconds === undefined ? {} : { expiresInSeconds })
  return {
    access_token: tokens.access_token, refresh_token: tokens.refresh_token, id_token: tokens.id_token, account_id: grant.accountId,
    plan_type: grant.planType, expires_at: new Date(context.now() + tokens.expires_in * 1000).toISOString(), expires_in: tokens.expires_in,
    client_id: client, scope: grant.scope,
  }
}
