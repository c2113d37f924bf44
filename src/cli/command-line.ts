import { Command, CommanderError } from 'commander'
import { isLLMError } from '../contract/index.js'
import { EXIT, exitCodeOf } from './exit-codes.js'
import { createPaint, type Terminal } from './terminal.js'

export interface CommandContext {
  terminal: Terminal
  /** aborted by the first Ctrl-C; the second ends the process */
  signal: AbortSignal
}

type Action = (context: CommandContext, options: Record<string, unknown>, words: readonly string[]) => Promise<number>

/** Runs one command line and answers the exit code; nothing is thrown at a person. */
export async function runCommandLine(argv: readonly string[], terminal: Terminal): Promise<number> {
  const cancel = new AbortController()
  const onInterrupt = () => {
    if (cancel.signal.aborted) process.exit(EXIT.interrupted)
    cancel.abort()
  }
  process.on('SIGINT', onInterrupt)
  let code: number = EXIT.ok
  const program = describe(terminal, async (load, options, words) => {
    code = await (await load())({ terminal, signal: cancel.signal }, options, words)
  })
  try {
    await program.parseAsync([...argv])
    return code
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage
    if (cancel.signal.aborted) return EXIT.interrupted
    report(error, terminal)
    return exitCodeOf(error)
  } finally {
    process.off('SIGINT', onInterrupt)
  }
}

function report(error: unknown, terminal: Terminal): void {
  const paint = createPaint({ stdout: terminal.stderr, env: terminal.env })
  const words = error instanceof Error ? error.message : String(error)
  const kind = isLLMError(error) ? `${error.name}: ` : ''
  terminal.stderr.write(`${paint.red('error')} ${kind}${words}\n`)
}

function describe(
  terminal: Terminal,
  run: (load: () => Promise<Action>, options: Record<string, unknown>, words: readonly string[]) => Promise<void>,
): Command {
  const program = new Command('amplifier-chatgpt')
    .description('Serves agents with a ChatGPT subscription: sign in, see models and routes, run a prompt.')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void terminal.stdout.write(text),
      writeErr: (text) => void terminal.stderr.write(text),
    })
  program
    .command('demo')
    .description('do the whole job against a stand-in of the backend on this machine: no account, no network')
    .option('--json', 'events and results as JSON lines')
    .action((options: Record<string, unknown>) => run(async () => (await import('./demo.js')).demo, options, []))
  return program
}
