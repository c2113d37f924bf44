import type { Terminal } from './terminal.js'

/** What every command is given. */
export interface CommandContext {
  terminal: Terminal
  /** aborted by the first Ctrl-C; the second ends the process */
  signal: AbortSignal
}

/** @returns the exit code */
export type Action = (context: CommandContext, options: Record<string, unknown>, words: readonly string[]) => Promise<number>
