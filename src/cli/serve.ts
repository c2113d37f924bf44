import { ConfigurationError } from '../contract/index.js'
import type { CommandContext } from './command-context.js'
import { EXIT } from './exit-codes.js'
import { sanitizeText } from '../lib/index.js'
import { createPrint } from './print.js'
import { readPort } from './read-port.js'
import type { RunningServer } from './running-server.js'
import { SERVERS } from './servers.js'

/** Serves other programs until Ctrl-C, SIGTERM or what the server itself watches. */
export async function serve(context: CommandContext, flags: Record<string, unknown>): Promise<number> {
  const [chosen, ...others] = Object.keys(SERVERS).filter((name) => flags[name] === true)
  const command = chosen === undefined ? undefined : SERVERS[chosen]
  if (!command || others.length > 0) {
    throw new ConfigurationError(`serve takes either ${Object.keys(SERVERS).map((name) => `--${name}`).join(' or ')}`, { code: 'usage' })
  }
  const port = flags.port === undefined ? {} : { port: readPort(flags.port) }
  const server = await command.open(context, { ...flags, ...port })
  const { text, value } = server.announcement
  const print = createPrint(context, flags)
  let drain = false
  try {
    const by = await untilStopped(context.signal, server, () => {
      if (print.json && value !== undefined) print.record(value)
      else context.terminal.stdout.write(sanitizeText(text))
    })
    drain = by === 'SIGTERM'
    return EXIT.ok
  } finally {
    await server.close({ drain })
  }
}

/** The listeners stand before `announce` runs: what starts us may end us as soon as it has read that. */
async function untilStopped(signal: AbortSignal, server: RunningServer, announce: () => void): Promise<'SIGTERM' | 'other'> {
  const stopped = new AbortController()
  let by: 'SIGTERM' | 'other' = 'other'
  const stop = () => stopped.abort()
  const terminate = () => {
    by = 'SIGTERM'
    stop()
  }
  const watch = server.watch?.(stop)
  signal.addEventListener('abort', stop, { once: true })
  process.on('SIGTERM', terminate)
  try {
    announce()
    if (signal.aborted || stopped.signal.aborted) return by
    await new Promise<void>((resolve) => stopped.signal.addEventListener('abort', () => resolve(), { once: true }))
    return by
  } finally {
    watch?.end()
    signal.removeEventListener('abort', stop)
    process.off('SIGTERM', terminate)
  }
}
