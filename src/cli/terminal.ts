import { randomUUID } from 'node:crypto'
import { sanitizeLine, sanitizeText } from '../lib/index.js'

/** What a command reads from and writes to. */
export interface Terminal {
  stdout: NodeJS.WritableStream & { isTTY?: boolean; columns?: number }
  stderr: NodeJS.WritableStream & { isTTY?: boolean }
  stdin: NodeJS.ReadableStream & { isTTY?: boolean }
  env: NodeJS.ProcessEnv
}

/** One message on stderr, on one line, without what a terminal would obey. */
export function writeNotice({ stderr }: Pick<Terminal, 'stderr'>, message: string): void {
  stderr.write(`${sanitizeLine(message)}\n`)
}

/** Instructions of several lines on stderr. */
export function writeInstructions({ stderr }: Pick<Terminal, 'stderr'>, text: string): void {
  stderr.write(`${sanitizeText(text)}\n`)
}

/**
 * A piece of a model's text on stdout: as it came in a pipe, where a program reads it, and without what a terminal
 * would obey on a terminal. False where the stream wants a pause.
 */
export function writeModelText({ stdout }: Pick<Terminal, 'stdout'>, text: string): boolean {
  return stdout.write(stdout.isTTY === true ? sanitizeText(text) : text)
}

type Style = (text: string) => string

export interface Paint {
  bold: Style
  dim: Style
  green: Style
  yellow: Style
  red: Style
  /** The text as it is shown: cleaned by `clean` but for the colours that this paint gave it. */
  finish(text: string, clean: (text: string) => string): string
}

/**
 * Colours for a terminal that wants them; plain text in a pipe, under NO_COLOR and for TERM=dumb. Until it is
 * finished a colour is a mark that cannot be guessed, so that text of others cannot bring colours of its own.
 */
export function createPaint({ stdout, env }: Pick<Terminal, 'stdout' | 'env'>): Paint {
  const forced = env.FORCE_COLOR !== undefined && env.FORCE_COLOR !== '0'
  const plain = env.NO_COLOR !== undefined && env.NO_COLOR !== '' || env.TERM === 'dumb'
  const on = forced || (stdout.isTTY === true && !plain)
  const mark = randomUUID()
  const style = (open: number, close: number): Style => (text) => (on ? `${mark}${open};${text}${mark}${close};` : text)
  return {
    bold: style(1, 22), dim: style(2, 22), green: style(32, 39), yellow: style(33, 39), red: style(31, 39),
    finish: (text, clean) => text.split(mark).map((part, index) => {
      if (index === 0) return clean(part)
      const end = part.indexOf(';')
      return `\u001b[${part.slice(0, end)}m${clean(part.slice(end + 1))}`
    }).join(''),
  }
}
