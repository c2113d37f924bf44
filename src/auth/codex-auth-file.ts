import { join } from 'node:path'
import { AuthenticationError } from '../contract/index.js'
import { findHomeFolder, isRecord, parseJson, PlainFileError, readPlainFile, readString } from '../lib/index.js'
import { systemCode } from './private-file.js'
import { decodeTokenReply } from './token-endpoint.js'
import type { SignIn } from './sign-in.js'

export interface CodexAuthOptions {
  /** default `$CODEX_HOME/auth.json`, else `~/.codex/auth.json` */
  path?: string
  env?: Readonly<Record<string, string | undefined>>
  home?: string
  /** the command that signs in, for messages; default `amplifier-chatgpt login` */
  command?: string
  /**
   * `leave` (default): only the access token is taken, which serves until it expires; the Codex command
   * line stays signed in. `take`: the refresh token too. It works once, so from the first refresh on
   * the Codex command line has to sign in anew.
   */
  refreshToken?: 'leave' | 'take'
}

const MAX_BYTES = 1024 * 1024
const CLIENT_ID = 'app_EMoamEEZ73f0CkXaXp7hrann'

export function codexAuthPath(options: CodexAuthOptions = {}): string {
  const codexHome = (options.env ?? process.env)['CODEX_HOME']
  return options.path ?? join(codexHome !== undefined && codexHome !== '' ? codexHome : join(options.home ?? findHomeFolder(), '.codex'), 'auth.json')
}

/** Reads the sign-in of the Codex command line; its file is never written. @throws AuthenticationError naming the file */
export async function readCodexAuth(options: CodexAuthOptions = {}): Promise<SignIn> {
  const path = codexAuthPath(options)
  const command = options.command ?? 'amplifier-chatgpt login'
  const body = parseJson(await readText(path, command))
  if (!isRecord(body)) throw new AuthenticationError(`${path} is no JSON object`, { code: 'codex_auth_corrupt' })
  const tokens = body['tokens']
  const accessToken = isRecord(tokens) ? readString(tokens, 'access_token') : undefined
  if (!isRecord(tokens) || accessToken === undefined || accessToken === '') {
    const what = typeof body['OPENAI_API_KEY'] === 'string' ? 'holds an API key and no ChatGPT sign-in' : 'holds no ChatGPT sign-in; its tokens may be in the keychain'
    throw new AuthenticationError(`${path} ${what}. Run ${command}`, { code: 'codex_auth_empty' })
  }
  const reply = decodeTokenReply({
    access_token: accessToken,
    id_token: tokens['id_token'],
    ...(options.refreshToken === 'take' ? { refresh_token: tokens['refresh_token'] } : {}),
  })
  return { reply, fields: { client_id: CLIENT_ID } }
}

async function readText(path: string, command: string): Promise<string> {
  try {
    return await readPlainFile(path, { maxBytes: MAX_BYTES })
  } catch (cause) {
    const code = cause instanceof PlainFileError ? (cause.code === 'not_a_file' ? 'no regular file' : undefined) : systemCode(cause)
    const why = code === 'ENOENT' ? 'does not exist: the Codex command line is not signed in, or keeps its tokens elsewhere' : `cannot be read (${code ?? 'it is too long'})`
    throw new AuthenticationError(`${path} ${why}. Set CODEX_HOME, or run ${command}`, { code: 'codex_auth_unreadable', cause })
  }
}
