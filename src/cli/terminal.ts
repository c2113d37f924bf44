/** What a command reads from and writes to. */
export interface Terminal {
  stdout: NodeJS.WritableStream & { isTTY?: boolean; columns?: number }
  stderr: NodeJS.WritableStream & { isTTY?: boolean }
  stdin: NodeJS.ReadableStream & { isTTY?: boolean }
  env: NodeJS.ProcessEnv
}

export interface Paint {
  bold(text: string): string
  dim(text: string): string
  green(text: string): string
  yellow(text: string): string
  red(text: string): string
}

/** Colours for a terminal that wants them; plain text in a pipe, under NO_COLOR and for TERM=dumb. */
export function createPaint({ stdout, env }: Pick<Terminal, 'stdout' | 'env'>): Paint {
  const forced = env.FORCE_COLOR !== undefined && env.FORCE_COLOR !== '0'
  const plain = env.NO_COLOR !== undefined && env.NO_COLOR !== '' || env.TERM === 'dumb'
  const on = forced || (stdout.isTTY === true && !plain)
  const code = (open: number, close: number) => (text: string) => (on ? `\u001b[${open}m${text}\u001b[${close}m` : text)
  return { bold: code(1, 22), dim: code(2, 22), green: code(32, 39), yellow: code(33, 39), red: code(31, 39) }
}
