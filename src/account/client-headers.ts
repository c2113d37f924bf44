import type { Credential, CredentialSource } from '../auth/credential-source.js'

/** What every request to the backend says of its sender: its credential, and who we are. */
export function clientHeaders(
  { credentials, userAgent }: { credentials: Pick<CredentialSource, 'headers'>; userAgent: string }, credential: Credential,
): Record<string, string> {
  return { originator: 'amplifier', 'user-agent': userAgent, ...credentials.headers(credential) }
}
