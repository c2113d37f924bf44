import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Twin } from '../../src/twin/index.js'

/** A config signed in at the twin, with retries off, and the end of its folder; `given` is a folder of the caller's own. */
export async function signInAt(twin: Twin, given?: string): Promise<{ config: Record<string, unknown>; remove(): Promise<void> }> {
  const folder = given ?? (await mkdtemp(join(tmpdir(), 'amplifier-chatgpt-door-')))
  const tokenFile = join(folder, 'tokens.json')
  await writeFile(tokenFile, JSON.stringify({ auth_mode: 'oauth', ...twin.issueTokens() }), { mode: 0o600 })
  return {
    config: { base_url: twin.baseUrl, issuer: twin.issuer, token_file_path: tokenFile, login_on_mount: false, transport: 'sse', max_retries: 0 },
    remove: () => rm(folder, { recursive: true, force: true }),
  }
}
