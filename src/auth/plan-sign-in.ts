/** "Sign in with ChatGPT" for the plan lane: the client registers itself at the first sign-in, on the callback. */
import { randomBytes, randomUUID } from 'node:crypto'
import { dirname, join } from 'node:path'
import { AuthenticationError } from '../contract/index.js'
import { HOST_FILE } from './accounts.js'
import { readClaims } from './claims.js'
import type { Discovery } from './discovery.js'
import { exchangeCode, mapSignInFailure } from './exchange-code.js'
import { keepHostId } from './host-file.js'
import { PLAN_RESOURCE, PLAN_SCOPE } from './plan-lane.js'
import { readHostId } from './plan-record.js'
import type { BrowserOptions } from './authorize-in-browser.js'
import type { Lane } from './lane.js'
import type { SignIn } from './sign-in.js'
import type { StoredRecord, TokenStore } from './token-store.js'

export interface PlanSignInOptions extends BrowserOptions {
  /** of the plan lane */
  lane: Lane
  /** where the issued client id is saved before the exchange, so that it is never lost and asked for twice */
  store: TokenStore
  /** the name the user sees when the client registers; default `Amplifier ChatGPT provider` */
  appName?: string
  /** the file that names this host, absolute; default `host.json` beside a stored file, else the record alone */
  hostFile?: string
  /** `new` registers another client although one is stored; default `stored` */
  registration?: 'stored' | 'new'
}

const APP_NAME = 'Amplifier ChatGPT provider'
const UNREGISTERED = 'dynamic_agent_client'
const ISSUED = /^oaiapp_[A-Za-z0-9_-]{1,200}$/
const SCOPE = `openid profile email offline_access resource.invoke ${PLAN_SCOPE}`

/**
 * Signs in, registering this host's client where it has none. What comes back may lack the plan's
 * scope: see `planEnabled` of the credential.
 * @throws as authorizeInBrowser; AuthenticationError `invalid_id_token`
 */
export async function signInWithPlan(options: PlanSignInOptions): Promise<SignIn> {
  const { lane, store, transport, signal } = options
  // Loaded by those who sign in, not by every mount.
  const [{ authorizeInBrowser }, { discover }] = await Promise.all([import('./authorize-in-browser.js'), import('./discovery.js')])
  const found = await store.load()
  const stored: StoredRecord = found.record ?? {}
  const known = options.registration === 'new' ? undefined : (stored.client_id ?? (lane.clientId === '' ? undefined : lane.clientId))
  const hostId = await nameHost(options, readHostId(stored))
  const nonce = (options.randomBytes ?? randomBytes)(32).toString('base64url')
  const endpoints = await discover({ issuer: lane.issuer, transport, ...(signal ? { signal } : {}) })
    .catch((error: unknown): Discovery => { throw mapSignInFailure(error) })
  return authorizeInBrowser({ command: lane.signIn, ...options }, {
    issuer: lane.issuer,
    clientId: known ?? UNREGISTERED,
    callbackHost: '127.0.0.1',
    ports: options.ports ?? [0],
    authorizeUrl: endpoints.authorizeUrl ?? `${lane.issuer}/api/accounts/authorize`,
    // This lane knows no device code.
    withoutBrowser: 'sign in on one that has one, and bring the sign-in over with amplifier-chatgpt export and import',
    parameters: {
      scope: SCOPE,
      nonce,
      resource: PLAN_RESOURCE,
      ext_agent_host_id: hostId,
      ...(known === undefined ? { agent_name_hint: options.appName ?? APP_NAME } : await hint(stored)),
    },
    async redeem({ code, codeVerifier, redirectUri, parameters }) {
      const clientId = known ?? (await register({ store, lane, hostId, issued: parameters.get('client_id') }))
      const reply = await exchangeCode({
        transport, clientId, code, codeVerifier, redirectUri,
        url: endpoints.tokenUrl ?? `${lane.issuer}/api/accounts/oauth/token`,
        extra: { resource: PLAN_RESOURCE },
        ...(options.now ? { now: options.now } : {}),
        ...(signal ? { signal } : {}),
      })
      await verify(options, { endpoints, clientId, nonce, idToken: reply.id_token, aheadMs: reply.server_ahead_ms })
      // Permission is what the token reply says, and a reply that says nothing permits nothing.
      return { reply, fields: { client_id: clientId, ext_agent_host_id: hostId, scope: reply.scope ?? '' } }
    },
  })
}

/** A record that names a host keeps its name; the file learns it where it has none. */
async function nameHost({ store, hostFile }: PlanSignInOptions, stored: string | undefined): Promise<string> {
  const file = hostFile ?? (store.kind === 'file' ? join(dirname(store.place), HOST_FILE) : undefined)
  if (file === undefined) return stored ?? `urn:uuid:${randomUUID()}`
  const kept = await keepHostId(file, stored)
  return stored ?? kept
}

/** Saves the issued id at once: a client that was registered and forgotten would be registered again. */
async function register(
  { store, lane, hostId, issued }: { store: TokenStore; lane: Lane; hostId: string; issued: string | null },
): Promise<string> {
  if (issued === null || !ISSUED.test(issued)) {
    throw new AuthenticationError('the sign-in came back without a client id for this host; nothing was changed. Try again', { code: 'missing_client_id' })
  }
  await store.withLock(async (lock) => {
    const found = await store.load()
    await store.save({ ...found.record, auth_mode: lane.authMode, lane: lane.name, issuer: new URL(lane.issuer).origin, client_id: issued, ext_agent_host_id: hostId }, { lock })
  })
  return issued
}

async function verify(
  options: PlanSignInOptions,
  { endpoints, clientId, nonce, idToken, aheadMs }: { endpoints: Discovery; clientId: string; nonce: string; idToken: string | undefined; aheadMs: number },
): Promise<void> {
  const { lane, transport, signal } = options
  if (idToken === undefined) throw new AuthenticationError('the sign-in brought no ID token; nothing was changed. Try again', { code: 'invalid_id_token' })
  const { verifyIdToken } = await import('./verify-id-token.js')
  await verifyIdToken({
    transport, idToken, clientId, nonce,
    issuer: lane.issuer,
    jwksUrl: endpoints.jwksUrl ?? `${lane.issuer}/.well-known/jwks.json`,
    serverNowMs: (options.now ?? Date.now)() + aheadMs,
    ...(signal ? { signal } : {}),
  })
}

/** Later sign-ins say who is expected; a token would do so too and would stand in the browser's history. */
async function hint(stored: StoredRecord): Promise<Record<string, string>> {
  const { email } = await readClaims(stored)
  return email === undefined ? {} : { login_hint: email }
}
