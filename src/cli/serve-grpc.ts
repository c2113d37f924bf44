import { randomBytes } from 'node:crypto'
import { attachOrigins, type Origin } from '../config/index.js'
import { ConfigurationError } from '../contract/index.js'
import { createGrpcServer } from '../grpc/index.js'
import { isLoopback, isRecord, parseJson } from '../lib/index.js'
import type { CommandContext } from './command-context.js'
import { readConfig } from './read-config.js'
import { openCallRecorder } from './record-calls.js'
import type { RunningServer } from './running-server.js'
import { writeNotice } from './terminal.js'
import { watchParent } from './watch-parent.js'

/** A parent may never read our stderr, and a full pipe would stop the process: 64 KiB on Linux, half of that is ours. */
const MAX_STDERR_CHARS = 32_000

/**
 * `serve --grpc`: prints `READY:<port>` and stays until a signal, the end of stdin or the parent's death. Without a secret
 * it listens at a socket file that this user alone reaches, and prints `READY:unix:<path>`; a given port is one all the same.
 * @throws ConfigurationError, Error where the port is taken
 */
export async function openGrpc(context: CommandContext, flags: Record<string, unknown>): Promise<RunningServer> {
  const { stdin, env } = context.terminal
  let room = MAX_STDERR_CHARS
  const warn = (message: string) => {
    if ((room -= message.length + 1) >= 0) writeNotice(context.terminal, message)
  }
  const config = await readMountConfig(context, flags)
  const secret = flags.secret === false ? undefined : readSecret(env) ?? randomBytes(32).toString('base64url')
  const privateSocket = secret === undefined && flags.port === undefined && process.platform !== 'win32'
  if (secret === undefined) {
    const reach = privateSocket ? 'no other user of this machine may reach its socket file' : 'every user of this machine may call this server, and the plan pays for it'
    warn(`without a secret ${reach}; callers may set no more than a project's files may. Give AMPLIFIER_CHATGPT_SECRET where the caller can send one`)
  }
  const { AMPLIFIER_KERNEL_ADDRESS: address, AMPLIFIER_KERNEL_TOKEN: token } = env
  if (address && !isLoopback(address.includes('://') ? address : `http://${address}`)) warn(`the kernel at ${address} is not on this machine: prompts and answers go there unencrypted`)
  const recorder = typeof flags.record === 'string' ? await openCallRecorder(flags.record, { warn }) : undefined
  const server = await createGrpcServer({
    config, warn, secret, privateSocket, prepare: recorder?.attach,
    kernel: address ? { address, token } : undefined,
    port: typeof flags.port === 'number' ? flags.port : undefined,
  }).catch(async (error: unknown) => {
    await recorder?.close()
    throw error
  })
  // Shown where we made it; a parent that sets one knows it.
  if (secret !== undefined && !env.AMPLIFIER_CHATGPT_SECRET) warn(`secret (metadata x-amplifier-token): ${secret}`)
  return {
    announcement: { text: `READY:${privateSocket ? server.address : server.port}\n` },
    watch: (stop) => watchParent(stdin, stop),
    async close() {
      await server.close()
      await recorder?.close()
    },
  }
}

/** @throws ConfigurationError for one that is set and empty: everybody knows that one */
function readSecret({ AMPLIFIER_CHATGPT_SECRET: secret }: NodeJS.ProcessEnv): string | undefined {
  if (secret !== undefined && secret.trim() === '') {
    throw new ConfigurationError('AMPLIFIER_CHATGPT_SECRET is empty: set a secret, unset it to have one made, or say --no-secret', { code: 'empty_secret' })
  }
  return secret
}

/** The parent's own word counts alone; without it, what a mount from this folder would be given. */
async function readMountConfig(context: CommandContext, flags: Record<string, unknown>): Promise<Record<string, unknown>> {
  const text = context.terminal.env.AMPLIFIER_CHATGPT_CONFIG
  if (!text) return (await readConfig(context, flags)).entry.config ?? {}
  const value = parseJson(text)
  if (!isRecord(value)) throw new ConfigurationError('AMPLIFIER_CHATGPT_CONFIG must be the JSON text of an object', { code: 'invalid_config' })
  const origin: Origin = { file: 'the environment variable AMPLIFIER_CHATGPT_CONFIG', line: 1, column: 1, whose: 'environment' }
  return attachOrigins({ usage_totals: true, ...value }, Object.fromEntries(Object.keys(value).map((key) => [key, origin])))
}
