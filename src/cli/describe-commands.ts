import { Command } from 'commander'
import { sanitizeText } from '../lib/index.js'
import { VERSION } from '../version.js'
import type { Action } from './command-context.js'
import { SERVERS } from './servers.js'
import type { Terminal } from './terminal.js'

/** Loads a command's own file only when it is run, so that `--help` answers at once. */
export type Run = (load: () => Promise<Action>, options: Record<string, unknown>, words: readonly string[]) => Promise<void>

const EXIT_CODES = `
Exit codes: 0 done, 1 failed, 2 wrong usage or setting, 3 not signed in, 4 quota or rate limit,
5 network or service, 130 interrupted. Answers go to stdout, everything else to stderr; under --json
a failure's answer is { "error": { type, message, retryable, exit_code, … } }.`

const EXAMPLES = `
Examples:
  amplifier-chatgpt demo
  amplifier-chatgpt login
  amplifier-chatgpt run "Say hello" --role coding
  git diff | amplifier-chatgpt run - --role critique --system "Review this change."
  amplifier-chatgpt --account work status --json
  amplifier-chatgpt routing explain security-audit
`

export function describeCommands(terminal: Terminal, run: Run): Command {
  const program = new Command('amplifier-chatgpt')
    .description('Serves agents with a ChatGPT subscription: sign in, see models and routes, run a prompt.')
    .version(VERSION)
    .showSuggestionAfterError()
    .addHelpText('after', EXIT_CODES + EXAMPLES)
  withConfigOptions(program).option('--json', 'the answer as JSON')
  // Before the commands are made: they inherit it.
  program.exitOverride().configureOutput({
    writeOut: (text) => void terminal.stdout.write(sanitizeText(text)),
    writeErr: (text) => void terminal.stderr.write(sanitizeText(text)),
  })
  const add = (parent: Command, usage: string, description: string, load: () => Promise<Action>): Command => {
    const command = parent.command(usage).description(description).option('--json', 'the answer as JSON')
    command.action((...given: unknown[]) => {
      const words = given.slice(0, -2).flat().filter((word): word is string => typeof word === 'string')
      return run(load, command.optsWithGlobals(), words)
    })
    return command
  }
  const addMounting: typeof add = (...parts) => withConfigOptions(add(...parts))
  describeSignIn(program, add, addMounting)
  describeUse(program, add, addMounting)
  describeRouting(program, addMounting)
  describeServe(program, add, addMounting)
  return program
}

const RECORD = 'append what served each call, and at what cost, for routing replay; no prompt, no answer'

type Add = (parent: Command, usage: string, description: string, load: () => Promise<Action>) => Command

const collect = (value: string, before: string[] | undefined): string[] => [...(before ?? []), value]

function withConfigOptions(command: Command): Command {
  return command
    .option('--account <name>', 'one of several sign-ins')
    .option('--lane <lane>', 'codex, plan or api_key')
    .option('--base-url <url>', 'where models and responses are asked for')
    .option('--issuer <url>', 'where sign-in and refresh happen')
    .option('--token-file <path>', 'where the sign-in is kept')
    .option('--config <key=value>', 'any option of the mount config; may be given several times', collect)
}

function describeSignIn(program: Command, add: Add, addMounting: Add): void {
  addMounting(program, 'login', 'sign in and keep the sign-in', async () => (await import('./login.js')).login)
    .option('--device', 'by a code that is typed in a browser on any machine (default)')
    .option('--browser', 'in a browser on this machine')
    .option('--plan', 'with the documented "Sign in with ChatGPT"')
    .option('--api-key', 'check the configured API key')
    .option('--no-open', 'show the address, and open no browser')
  addMounting(program, 'logout', 'end the sign-in at the server and forget it here', async () => (await import('./accounts.js')).logout)
    .option('--local', 'forget it here and end nothing at the server: for a sign-in that was carried elsewhere')
  addMounting(program, 'status', 'who is signed in, until when, how much of the quota is used and when it runs out', async () => (await import('./status.js')).status)
    .option('--live', "ask the account's usage endpoint first: credits and banked resets too")
  addMounting(program, 'usage', 'what calls came to: tokens, share of the plan, retries, cache breaks', async () => (await import('./usage.js')).usage)
    .option('--by <group>', 'role, agent, session, key, model, lane or day; default model')
    .option('--since <when>', 'a span such as 24h or 7d, or a date; default all that is kept')
    .option('--csv', 'as comma-separated values')
  add(program, 'top', 'what a running serve --http does now; q leaves', async () => (await import('./top.js')).top)
    .option('--url <url>', 'the base URL that serve --http printed, or the path of its socket file; its key comes from AMPLIFIER_CHATGPT_HTTP_KEY')
    .option('--link', 'print a new link that opens its page once')
  addMounting(program, 'redeem-reset', 'spend one banked reset of the account on its quota windows', async () => (await import('./redeem-reset.js')).redeemReset)
  add(program, 'accounts', 'the sign-ins on this machine', async () => (await import('./accounts.js')).accounts)
  addMounting(program, 'export <file>', 'write the sign-in to a file for another machine', async () => (await import('./accounts.js')).exportSignIn)
  addMounting(program, 'import [file]', 'take in a sign-in that export wrote', async () => (await import('./login.js')).importSignIn)
    .option('--codex', 'the sign-in of the Codex command line (its file is only read)')
    .option('--take', 'with --codex: the refresh token too; the Codex command line has to sign in anew then')
}

function describeUse(program: Command, add: Add, addMounting: Add): void {
  add(program, 'init', 'write ~/.amplifier/settings.yaml, every line explained', async () => (await import('./init.js')).init)
    .option('--print', 'show it, and write nothing')
  add(program, 'demo', 'do the whole job against a stand-in of the backend on this machine: no account, no network', async () => (await import('./demo.js')).demo)
  add(program, 'twin', "start the backend's stand-in and print what leads the other commands there", async () => (await import('./twin.js')).twin)
    .option('--port <number>', 'default: any that is free')
    .option('--delay <ms>', 'between the events of an answer, so that one can watch it stream; default 0')
    .option('--background', 'leave it running, and end: eval "$(amplifier-chatgpt twin --background)"')
  add(program, 'completion <shell>', 'what bash, zsh or fish completes', async () => (await import('./completion.js')).createCompletion(program))
  addMounting(program, 'models', "the account's models", async () => (await import('./models.js')).models)
  addMounting(program, 'run <prompt...>', 'run one prompt; - reads it from standard input', async () => (await import('./run.js')).run)
    .option('--role <roles>', 'resolve the model through the matrix; several roles parted by commas')
    .option('--model <model>', 'a model of the account; :high sets the effort, -fast the priority tier')
    .option('--effort <effort>', 'reasoning effort')
    .option('--system <text>', 'instructions')
    .option('--bundle <file>', "a bundle's providers, routing and instructions")
    .option('--no-stream', 'print the answer when it is whole')
    .option('--record <file>', RECORD)
  const fleet = program.command('fleet').description('the processes and machines that share the account')
  addMounting(fleet, 'status', "who holds the account's places, and who waits", async () => (await import('./fleet.js')).fleetStatus)
  addMounting(program, 'doctor', 'walk the way of a real call and say where it ends; the report has no secrets', async () => (await import('./doctor.js')).doctor)
  const bundle = program.command('bundle').description('look at a bundle')
  add(bundle, 'show <file>', 'what it comes to, and where every value is from', async () => (await import('./bundle.js')).showBundle)
  add(bundle, 'validate <files...>', 'every finding of bundles (files, globs), with file, line and column', async () => (await import('./bundle.js')).checkBundle)
}

function describeRouting(program: Command, addMounting: Add): void {
  const routing = program.command('routing').description('roles and the models that serve them')
  const matrix = (command: Command) => command.option('--matrix <name>', 'another matrix than the one in force').option('--bundle <file>', "a bundle's routing")
  const compare = (command: Command) => command.option('--models <file>', "the models to resolve over, as models --json writes them; default: the recording's, else the built-in list")
  matrix(addMounting(routing, 'show', 'the roles as they are in force', async () => (await import('./routing.js')).showRouting))
  matrix(addMounting(routing, 'explain <roles...>', 'how a call would be routed now, and who decided', async () => (await import('./routing.js')).explainRouting))
  matrix(addMounting(routing, 'lint [files...]', 'what cannot work in matrices (names, files, globs), with line and column', async () => (await import('./routing.js')).lintRouting))
  compare(addMounting(routing, 'replay <files...>', 'what a matrix would have done with the calls of a recording', async () => (await import('./replay.js')).replayRouting))
    .option('--matrix <name>', 'the matrix to replay under; default: the one in force')
    .option('--preset <mode>', "none, effort, tier-and-effort or strict, in place of the matrix's own")
    .option('--override <role=model>', 'another first candidate, such as coding=gpt-5.5:high; may be given several times', collect)
    .option('--rate <rule>', 'the rate of a model that the recording does not have, such as gpt-5.6-terra=0.5*gpt-6.1-sol; may be given several times', collect)
  compare(addMounting(routing, 'diff <a> <b>', 'role by role what two matrices answer', async () => (await import('./replay.js')).diffRouting))
    .option('--caller <model>', 'what the session that delegates runs on, such as gpt-5.5:high: presets look at it')
  addMounting(routing, 'list', 'the matrices in reach', async () => (await import('./routing.js')).listRouting)
  addMounting(routing, 'use <matrix>', 'put a matrix in force, in ~/.amplifier/settings.yaml', async () => (await import('./routing.js')).chooseRouting)
    .option('--amplifier', 'also where the Amplifier application lists matrices from, ~/.amplifier/routing')
}

function describeServe(program: Command, add: Add, addMounting: Add): void {
  const command = addMounting(program, 'serve', 'serve other programs on loopback', async () => (await import('./serve.js')).serve)
  for (const [name, { description }] of Object.entries(SERVERS)) command.option(`--${name}`, description)
  command.option('--port <number>', 'default: any that is free')
  for (const [flags, description] of Object.values(SERVERS).flatMap(({ options }) => options)) command.option(flags, description)
  command.option('--bundle <file>', "a bundle's providers and routing")
  command.option('--record <file>', RECORD)
  const keys = command.command('keys').description('keys with names for serve --http: several, kept as hashes; a change counts at once')
  const data = (described: Command) => described.option('--data <folder>', 'where they lie; default ~/.amplifier/openai-chatgpt-http')
  data(add(keys, 'add <name>', 'make a key and show it, once', async () => (await import('./serve-keys.js')).addKey))
  data(add(keys, 'list', 'names and dates', async () => (await import('./serve-keys.js')).listKeys))
  data(add(keys, 'revoke <name>', 'let a key in no more', async () => (await import('./serve-keys.js')).revokeKey))
}
