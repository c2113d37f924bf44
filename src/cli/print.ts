import { sanitizeLine, stringifyPrintable } from '../lib/index.js'
import type { CommandContext } from './command-context.js'
import { formatTable, wrap, type Column } from './format-table.js'
import { createPaint, writeModelText, type Paint } from './terminal.js'

/**
 * Where a command's answer goes: words for a person, or JSON for a program. Control characters in what is printed are
 * shown, not obeyed; the colours of `paint` are the only ones that reach a terminal.
 */
export interface Print {
  readonly paint: Paint
  readonly json: boolean
  /** one line for people, `end` after it, between words in several where the terminal is narrower; nothing under `--json` */
  line(text?: string, end?: string): void
  /** a model's text, in pieces; nothing under `--json` */
  modelText(text: string): void
  table(columns: readonly Column[], rows: readonly (readonly string[])[], indent?: string): void
  /** for programs; nothing without `--json` */
  value(value: unknown): void
  /** as {@link Print.value}, one line for each, for programs that read along */
  record(value: unknown): void
}

export function createPrint({ terminal }: CommandContext, options: Record<string, unknown>): Print {
  const json = options.json === true
  const paint = createPaint(terminal)
  const finish = (text: string) => paint.finish(text, sanitizeLine)
  // A terminal without a size, as containers give, says 0.
  const width = () => (terminal.stdout.isTTY === true ? terminal.stdout.columns || undefined : undefined)
  // An address or a command that is longer than the terminal is wide stays whole: it is copied.
  const fit = (text: string, columns = width()) => (columns === undefined || text.split(/\s/).some((word) => word.length > columns) ? text : wrap(text, columns).join('\n'))
  const write = (text: string) => void terminal.stdout.write(`${text}\n`)
  return {
    paint,
    json,
    line: (text = '', end = '\n') => void (json || terminal.stdout.write(fit(finish(text)) + end)),
    modelText: (text) => void (json || writeModelText(terminal, text)),
    table(columns, rows, indent) {
      if (!json) formatTable(columns, rows.map((row) => row.map(finish)), { indent, width: width() }).forEach(write)
    },
    value: (value) => void (json && write(stringifyPrintable(value, 2))),
    record: (value) => void (json && write(stringifyPrintable(value))),
  }
}
