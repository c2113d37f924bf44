import { randomBytes } from 'node:crypto'
import type { CommandContext } from '../cli/command-line.js'
import { EXIT } from '../cli/exit-codes.js'
import { withSession } from '../cli/open-session.js'
import { createPrint } from '../cli/print.js'
import { writeNotice } from '../cli/terminal.js'
import { isLoopback } from '../auth/index.js'
import { createHttpServer } from './http-server.js'

/** `serve --http`: opens the server, shows the key once, and stays until it is stopped. */
export async function serveHttp(context: CommandContext, flags: Record<string, unknown>): Promise<number> {
  const { env } = context.terminal
  const print = createPrint(context, flags)
  // A key of the caller's own keeps scripts from reading ours off the screen.
  const key = env.AMPLIFIER_CHATGPT_HTTP_KEY || `local-${randomBytes(24).toString('base64url')}`
  return withSession(context, flags, async ({ provider, resolver }) => {
    if (typeof flags.host === 'string' && !isLoopback(`http://${flags.host.includes(':') ? `[${flags.host}]` : flags.host}`)) {
      writeNotice(context.terminal, `warning: ${flags.host} is open to the network: keys, prompts and answers pass unencrypted to whoever reaches it`)
    }
    const server = await createHttpServer({
      provider,
      key,
      roles: resolver?.known_roles ?? [],
      ...(typeof flags.host === 'string' ? { host: flags.host } : {}),
      ...(flags.port === undefined ? {} : { port: Number(flags.port) }),
    })
    try {
      const shown = env.AMPLIFIER_CHATGPT_HTTP_KEY ? 'from AMPLIFIER_CHATGPT_HTTP_KEY' : key
      print.record({ base_url: server.baseUrl, key: shown })
      for (const line of [`base URL  ${server.baseUrl}`, `key       ${shown} (shown once)`, 'Ctrl-C ends it']) print.line(line)
      await untilStopped(context.signal)
      return EXIT.ok
    } finally {
      await server.close()
    }
  })
}

/** Until Ctrl-C, which the command line makes an abort of, or SIGTERM. */
function untilStopped(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const stop = () => {
      signal.removeEventListener('abort', stop)
      process.off('SIGTERM', stop)
      resolve()
    }
    signal.addEventListener('abort', stop)
    process.on('SIGTERM', stop)
    if (signal.aborted) stop()
  })
}
