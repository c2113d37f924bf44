import type { CommandContext } from './command-line.js'
import { formatTable, type Column } from './format-table.js'
import { createPaint, type Paint } from './terminal.js'

/** Where a command's answer goes: words for a person, or one JSON value for a program. */
export interface Print {
  readonly paint: Paint
  readonly json: boolean
  /** for people; nothing under `--json` */
  line(text?: string): void
  table(columns: readonly Column[], rows: readonly (readonly string[])[]): void
  /** for programs; nothing without `--json` */
  value(value: unknown): void
}

export function createPrint({ terminal }: CommandContext, options: Record<string, unknown>): Print {
  const json = options.json === true
  const line = (text = '') => void (json || terminal.stdout.write(`${text}\n`))
  return {
    paint: createPaint(terminal),
    json,
    line,
    table: (columns, rows) => formatTable(columns, rows).forEach((text) => line(text)),
    value: (value) => void (json && terminal.stdout.write(`${JSON.stringify(value, null, 2)}\n`)),
  }
}
