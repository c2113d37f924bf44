import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { runCommandLine } from '../../src/cli/command-line.js'
import { startTwin, type Twin, type TwinOptions } from '../../src/twin/index.js'

export interface CommandResult {
  code: number
  stdout: string
  stderr: string
}

export interface CommandLine {
  twin: Twin
  home: string
  env: NodeJS.ProcessEnv
  run(words: string[], options?: { stdin?: string; env?: NodeJS.ProcessEnv; onStderr?: (text: string) => void; tty?: boolean; columns?: number }): Promise<CommandResult>
  /** everything that was ever printed */
  printed(): string
  close(): Promise<void>
}

/** The command line in this process, its streams captured, over a twin and a home folder of its own. */
export async function openCommandLine(options: TwinOptions = {}): Promise<CommandLine> {
  const twin = await startTwin({ deviceCode: { approveAfterPolls: 0, intervalSeconds: 1 }, ...options })
  const home = await mkdtemp(join(tmpdir(), 'amplifier-chatgpt-cli-'))
  const env: NodeJS.ProcessEnv = {
    HOME: home,
    USERPROFILE: home,
    AMPLIFIER_CHATGPT_BASE_URL: twin.baseUrl,
    AMPLIFIER_CHATGPT_ISSUER: twin.issuer,
    AMPLIFIER_CHATGPT_TOKEN_FILE: join(home, '.amplifier', 'openai-chatgpt-oauth.json'),
  }
  let all = ''
  return {
    twin,
    home,
    env,
    async run(words, { stdin = '', env: more = {}, onStderr, tty = false, columns } = {}) {
      const open = () => Object.assign(new PassThrough(), { isTTY: tty, columns })
      const [stdout, stderr] = [open(), open()]
      const chunks = { stdout: '', stderr: '' }
      stdout.setEncoding('utf8').on('data', (text: string) => { chunks.stdout += text })
      stderr.setEncoding('utf8').on('data', (text: string) => { chunks.stderr += text; onStderr?.(text) })
      const before = { ...process.env }
      // Mounts of the command line read the process's environment, as a program's do.
      Object.assign(process.env, env, more)
      try {
        const code = await runCommandLine(['node', 'amplifier-chatgpt', ...words], {
          stdout, stderr, stdin: Readable.from(stdin === '' ? [] : [Buffer.from(stdin)]), env: { ...env, ...more },
        })
        await new Promise((resolve) => setImmediate(resolve))
        all += chunks.stdout + chunks.stderr
        return { code, ...chunks }
      } finally {
        for (const key of Object.keys(process.env)) if (!(key in before)) delete process.env[key]
        Object.assign(process.env, before)
      }
    },
    printed: () => all,
    async close() {
      await twin.close()
      await rm(home, { recursive: true, force: true })
    },
  }
}
