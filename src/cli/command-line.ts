import { CommanderError } from 'commander'
import { isLLMError } from '../contract/index.js'
import { EXIT, exitCodeOf } from './exit-codes.js'
import { describeCommands } from './describe-commands.js'
import { createPaint, type Terminal } from './terminal.js'

export interface CommandContext {
  terminal: Terminal
  /** aborted by the first Ctrl-C; the second ends the process */
  signal: AbortSignal
}

export type Action = (context: CommandContext, options: Record<string, unknown>, words: readonly string[]) => Promise<number>

/** Runs one command line and answers the exit code; nothing is thrown at a person. */
export async function runCommandLine(argv: readonly string[], terminal: Terminal): Promise<number> {
  const cancel = new AbortController()
  const onInterrupt = () => {
    if (cancel.signal.aborted) process.exit(EXIT.interrupted)
    cancel.abort()
  }
  process.on('SIGINT', onInterrupt)
  let code: number = EXIT.ok
  const program = describeCommands(terminal, async (load, options, words) => {
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

