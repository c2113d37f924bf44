import { ConfigurationError } from '../contract/index.js'
import type { CommandContext } from './command-line.js'

/** Serves other programs until it is stopped. */
export async function serve(_context: CommandContext, flags: Record<string, unknown>): Promise<number> {
  if (flags.grpc === flags.http) throw new ConfigurationError('serve takes either --grpc or --http', { code: 'usage' })
  throw new ConfigurationError('serve is not part of this version', { code: 'usage' })
}
