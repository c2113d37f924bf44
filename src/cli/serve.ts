import { ConfigurationError } from '../contract/index.js'
import type { Action, CommandContext } from './command-line.js'

type ServerName = 'grpc' | 'http'

/** A server's own file is loaded when it is asked for. */
const SERVERS: Readonly<Partial<Record<ServerName, () => Promise<Action>>>> = {
  grpc: async () => (await import('../grpc/serve-command.js')).serveGrpc,
  http: async () => (await import('../http/serve-command.js')).serveHttp,
}

/** Serves other programs until it is stopped. */
export async function serve(context: CommandContext, flags: Record<string, unknown>): Promise<number> {
  if (flags.grpc === flags.http) throw new ConfigurationError('serve takes either --grpc or --http', { code: 'usage' })
  const port = flags.port === undefined ? undefined : readPort(String(flags.port))
  const name: ServerName = flags.grpc === true ? 'grpc' : 'http'
  const load = SERVERS[name]
  if (!load) throw new ConfigurationError(`serve --${name} is not part of this version`, { code: 'usage' })
  return (await load())(context, { ...flags, ...(port === undefined ? {} : { port }) }, [])
}

function readPort(text: string): number {
  const port = Number(text)
  if (!/^\d{1,5}$/.test(text) || port > 65_535) throw new ConfigurationError(`--port takes a number from 0 to 65535, found ${JSON.stringify(text)}`, { code: 'usage' })
  return port
}
