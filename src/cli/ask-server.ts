import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { isAbsolute } from 'node:path'
import { AuthenticationError, ConfigurationError, NetworkError } from '../contract/index.js'
import { isUntrustedCertificate } from '../lib/index.js'
import type { CommandContext } from './command-context.js'

/** Asks a running `serve --http`: GET, or POST without a body. @throws LLMError that names the server and the next command */
export type AskServer = (method: 'GET' | 'POST', path: string) => Promise<{ status: number; text: string; at: string }>

interface Address {
  /** as it is shown */
  at: string
  origin: string
  socketPath?: string
}

/** By `--url` and the key in AMPLIFIER_CHATGPT_HTTP_KEY. @throws ConfigurationError where either is missing */
export function createServerAsker({ terminal, signal }: CommandContext, { url }: Record<string, unknown>): AskServer {
  const key = terminal.env.AMPLIFIER_CHATGPT_HTTP_KEY
  const { at, origin, socketPath } = readAddress(url)
  if (!key) throw new ConfigurationError('top takes the key that serve --http prints from AMPLIFIER_CHATGPT_HTTP_KEY', { code: 'usage' })
  return async (method, path) => {
    const reply = await new Promise<{ status: number; text: string }>((resolve, reject) => {
      const send = origin.startsWith('https:') ? httpsRequest : httpRequest
      send(new URL(path, origin), { method, signal, headers: { authorization: `Bearer ${key}` }, ...(socketPath === undefined ? {} : { socketPath }) }, (response) => {
        let text = ''
        response.setEncoding('utf8').on('data', (part: string) => { text += part }).on('error', reject)
          .on('end', () => resolve({ status: response.statusCode ?? 0, text }))
      }).on('error', reject).end()
    }).catch((cause: unknown) => { throw describeFailure(at, cause) })
    if (reply.status === 401) {
      throw new AuthenticationError(`the server at ${at} does not know the key in AMPLIFIER_CHATGPT_HTTP_KEY: take the one that its start printed, or make one with amplifier-chatgpt serve keys add NAME`, { code: 'invalid_api_key' })
    }
    return { ...reply, at }
  }
}

/** The base URL that serve --http prints, of a socket file too, or the path of that file. */
function readAddress(url: unknown): Address {
  const text = typeof url === 'string' ? url : ''
  const encoded = /^(https?)\+unix:\/\/([^/]+)/.exec(text)
  const socketPath = encoded ? decodePath(encoded[2] ?? '') : isAbsolute(text) ? text : undefined
  if (socketPath !== undefined && socketPath !== '') return { at: socketPath, origin: `${encoded?.[1] ?? 'http'}://localhost`, socketPath }
  if (!/^https?:/.test(text) || !URL.canParse(text)) throw new ConfigurationError('top takes --url: the base URL that serve --http prints, or the path of its socket file', { code: 'usage' })
  const { origin } = new URL(text)
  return { at: origin, origin }
}

function decodePath(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}

function describeFailure(at: string, cause: unknown): Error {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : ''
  if (isUntrustedCertificate(code)) {
    return new ConfigurationError(`the certificate of ${at} is not trusted here (${code}): name your CA's file in NODE_EXTRA_CA_CERTS, and the server as its certificate does`, { code: 'untrusted_certificate', cause })
  }
  return new NetworkError(`no server answers at ${at}. Is amplifier-chatgpt serve --http running?`, { cause })
}
