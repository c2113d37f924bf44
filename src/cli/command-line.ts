import { CommanderError } from 'commander'
import { stringifyPrintable } from '../lib/index.js'
import { EXIT, exitCodeOf } from './exit-codes.js'
import { describeCommands } from './describe-commands.js'
import { describeFailure, reportFailure } from './report-failure.js'
import type { Terminal } from './terminal.js'

/** Runs one command line and answers the exit code; nothing is thrown at a person. */
export async function runCommandLine(argv: readonly string[], terminal: Terminal): Promise<number> {
  const cancel = new AbortController()
  const onInterrupt = () => {
    if (cancel.signal.aborted) process.exit(EXIT.interrupted)
    cancel.abort()
  }
  // `… | head` closes the pipe early: nobody reads on, so nothing more is asked of the service either.
  let pipeClosed = false
  const onPipeError = (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE' && error.code !== 'ERR_STREAM_DESTROYED') throw error
    pipeClosed = true
    cancel.abort()
  }
  process.on('SIGINT', onInterrupt)
  terminal.stdout.on('error', onPipeError)
  let code: number = EXIT.ok
  const program = describeCommands(terminal, async (load, options, words) => {
    code = await (await load())({ terminal, signal: cancel.signal }, options, words)
  })
  try {
    await program.parseAsync([...argv])
    return code
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage
    if (pipeClosed) return EXIT.ok
    const exitCode = cancel.signal.aborted ? EXIT.interrupted : exitCodeOf(error)
    if (exitCode !== EXIT.interrupted) reportFailure(error, terminal)
    if (argv.includes('--json')) terminal.stdout.write(`${stringifyPrintable(describeFailure(error, exitCode), 2)}\n`)
    return exitCode
  } finally {
    process.off('SIGINT', onInterrupt)
    if (!pipeClosed) terminal.stdout.off('error', onPipeError)
  }
}
