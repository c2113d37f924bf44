import { mkdir, open } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { ConfigurationError } from '../contract/index.js'
import type { CommandContext } from './command-context.js'
import { EXIT } from './exit-codes.js'
import { createPrint } from './print.js'

/** What `init` writes: what most people set, each with its default; what stands behind # has no effect. */
const SETTINGS = `# yaml-language-server: $schema=https://unpkg.com/amplifier-module-provider-openai-chatgpt/schemas/settings.schema.json
# Yours, for every project. Every option: https://unpkg.com/amplifier-module-provider-openai-chatgpt/docs/options.md
config:
  providers:
    - module: provider-openai-chatgpt
      config:
        # The model of requests that name none; latest is the newest that the account lists.
        default_model: latest
        # none, minimal, low, medium, high, xhigh or max; without it the model's own.
        # reasoning_effort: medium
        # Calls of the account that run at a time.
        max_concurrency: 6
        # Which sign-in pays: codex, plan, or api_key (metered, with api_key: \${OPENAI_API_KEY}).
        lane: codex
        # Seconds of silence after which a call is given up; off: none.
        timeout: 300
routing:
  # The matrix that says which models serve the 13 roles; amplifier-chatgpt routing list shows those in reach.
  matrix: openai-chatgpt
`

/** Writes the user's settings file, explained; one that is there stays as it is. */
export async function init(context: CommandContext, flags: Record<string, unknown>): Promise<number> {
  const print = createPrint(context, flags)
  if (flags.print === true) {
    context.terminal.stdout.write(SETTINGS)
    return EXIT.ok
  }
  const { env } = context.terminal
  const file = join(env.HOME ?? env.USERPROFILE ?? homedir(), '.amplifier', 'settings.yaml')
  await mkdir(dirname(file), { recursive: true, mode: 0o700 })
  try {
    // wx: a file, or a link, that is there is never written through.
    const handle = await open(file, 'wx', 0o600)
    await handle.writeFile(SETTINGS).finally(() => handle.close())
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
    throw new ConfigurationError(`${file} is there already, and was left as it is. Run amplifier-chatgpt init --print to see what would stand in it`, { code: 'usage', cause: error })
  }
  print.line(`${file} is written. Next: amplifier-chatgpt login`)
  print.value({ file })
  return EXIT.ok
}
