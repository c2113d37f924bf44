import type { CommandContext } from './command-context.js'
import type { RunningServer } from './running-server.js'

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
      ['--socket <file>', 'listen at this socket file, for this user alone, instead of a port; with --http only'],
      ['--cert <file>', 'speak https: the certificate, as PEM; with --http only'],
      ['--key <file>', "the certificate's private key, as PEM; with --http only"],
      ['--log <format>', 'one line a request on stderr, json or pretty; with --http only'],
      ['--drain-seconds <number>', 'after SIGTERM, how long running requests may still take; default 8; with --http only'],
      ['--store <kind>', 'where responses are kept: memory (default), sqlite or redis; with --http only'],
      ['--store-days <number>', 'how long a response is kept after it was last used; default 1 in memory, else 30; with --http only'],
      ['--store-count <number>', 'how many are kept; default 2000 in memory, else 1000000; with --http only'],
      ['--store-mb <number>', 'how much is kept; default 64 in memory, else 1024; with --http only'],
      ['--data <folder>', 'where keys and kept responses lie; default ~/.amplifier/openai-chatgpt-http; with --http only'],
    ],
    open: async (context, flags) => (await import('./serve-http.js')).openHttp(context, flags),
  },
}
