import { defined } from '../lib/index.js'
import { exchangeCode } from './exchange-code.js'
import type { BrowserOptions } from './authorize-in-browser.js'
import type { SignIn } from './sign-in.js'

export interface BrowserSignInOptions extends BrowserOptions {
  issuer: string
  clientId: string
  /** lets the issuer's page offer this workspace only */
  workspaceId?: string
  /** how we introduce ourselves to the issuer; default `amplifier`, our own name */
  originator?: string
}

/** The two that the client is registered for. */
const PORTS = [1455, 1457]
const SCOPE = 'openid profile email offline_access'

/** Sign-in to the codex lane in a browser on this machine, with PKCE. @throws as authorizeInBrowser */
export async function signInWithBrowser(options: BrowserSignInOptions): Promise<SignIn> {
  // The callback's server is loaded by those who sign in, not by every mount.
  const { authorizeInBrowser } = await import('./authorize-in-browser.js')
  const { issuer, clientId, transport } = options
  return authorizeInBrowser(options, {
    issuer,
    clientId,
    callbackHost: 'localhost',
    ports: options.ports ?? PORTS,
    authorizeUrl: `${issuer}/oauth/authorize`,
    withoutBrowser: `run ${options.command ?? 'amplifier-chatgpt login'} --device instead`,
    parameters: {
      scope: SCOPE,
      id_token_add_organizations: 'true',
      codex_cli_simplified_flow: 'true',
      originator: options.originator ?? 'amplifier',
      ...defined({ allowed_workspace_id: options.workspaceId }),
    },
    redeem: async ({ code, codeVerifier, redirectUri }) => ({
      reply: await exchangeCode({
        transport, clientId, code, codeVerifier, redirectUri,
        url: `${issuer}/oauth/token`,
        ...(options.now ? { now: options.now } : {}),
        ...(options.signal ? { signal: options.signal } : {}),
      }),
      fields: { client_id: clientId },
    }),
  })
}
