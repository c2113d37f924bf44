import { randomBytes } from 'node:crypto'
import { ConfigurationError } from '../contract/index.js'
import { isLoopback } from '../lib/index.js'
import type { CommandContext } from './command-context.js'
import type { RunningServer } from './running-server.js'
import { writeNotice } from './terminal.js'

export interface ServerCommand {
  /** what `--NAME` serves, in the help */
  description: string
  /** options of this server alone, as commander takes them */
  options: readonly (readonly [flags: string, description: string])[]
  /** Opens it; its own files are loaded only then. */
  open(context: CommandContext, flags: Record<string, unknown>): Promise<RunningServer>
}

/** Every server of the command line, by its flag. */
export const SERVERS: Readonly<Record<string, ServerCommand>> = {
  grpc: {
    description: 'the gRPC sidecar of Amplifier kernels',
    options: [['--no-secret', 'with --grpc: for callers that cannot send one; a socket file of this user, unless --port is given']],
    open: async (context, flags) => (await import('./serve-grpc.js')).openGrpc(context, flags),
  },
  http: {
    description: 'OpenAI clients',
    options: [
      ['--host <address>', 'default 127.0.0.1; with --http only'],
      ['--allow-host <name...>', 'further names that clients may reach it by, such as a compose service or a tunnel; * for any; with --http only'],
      ['--allow-origin <origin...>', 'web pages that may ask, such as https://app.example; with --http only'],
      ['--model-map <name=model...>', 'what serves a model name of /v1/messages, or a word in it: opus=role:reasoning; with --http only'],
    ],
    open: openHttp,
  },
}

async function openHttp(context: CommandContext, flags: Record<string, unknown>): Promise<RunningServer> {
  const { env } = context.terminal
  // A key of the caller's own keeps scripts from reading ours off the screen.
  const key = env.AMPLIFIER_CHATGPT_HTTP_KEY || `local-${randomBytes(24).toString('base64url')}`
  if (typeof flags.host === 'string' && !isLoopback(`http://${flags.host.includes(':') ? `[${flags.host}]` : flags.host}`)) {
    writeNotice(context.terminal, `warning: ${flags.host} is open to the network: keys, prompts and answers pass unencrypted to whoever reaches it`)
  }
  const messageModels = readModelMap(flags.modelMap)
  const [{ createHttpServer }, { openSession }] = await Promise.all([import('../http/index.js'), import('./open-session.js')])
  const session = await openSession(context, flags)
  try {
    const server = await createHttpServer({
      provider: session.provider,
      key,
      roles: session.resolver?.known_roles ?? [],
      messageModels,
      allowHosts: Array.isArray(flags.allowHost) ? flags.allowHost.map(String) : [],
      allowOrigins: Array.isArray(flags.allowOrigin) ? flags.allowOrigin.map(String) : [],
      host: typeof flags.host === 'string' ? flags.host : undefined,
      port: typeof flags.port === 'number' ? flags.port : undefined,
    })
    const shown = env.AMPLIFIER_CHATGPT_HTTP_KEY ? 'from AMPLIFIER_CHATGPT_HTTP_KEY' : key
    return {
      announcement: {
        text: `base URL  ${server.baseUrl}\nkey       ${shown} (shown once)\nCtrl-C ends it\n`, value: { base_url: server.baseUrl, key: shown },
      },
      async close() {
        await server.close()
        await session.close()
      },
    }
  } catch (error) {
    await session.close()
    throw error
  }
}

/** @throws ConfigurationError for a pair without a name or a model */
function readModelMap(pairs: unknown): Record<string, string> {
  const list = Array.isArray(pairs) ? pairs.map(String) : []
  return Object.fromEntries(list.map((pair) => {
    const [, name, model] = /^([^=]+)=(.+)$/.exec(pair) ?? []
    if (name === undefined || model === undefined) throw new ConfigurationError(`--model-map takes NAME=MODEL or NAME=role:ROLE, found ${JSON.stringify(pair)}`, { code: 'usage' })
    return [name, model]
  }))
}
