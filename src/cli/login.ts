import { execFile } from 'node:child_process'
import { assertReplaceable, importCredential, readCodexAuth, signInWithBrowser, signInWithDeviceCode, signInWithPlan, type Credential, type SignIn } from '../auth/index.js'
import type { ProviderOptions } from '../config/index.js'
import { composeAccount, type AccountContainer } from '../compose-account.js'
import { AuthenticationError, ConfigurationError } from '../contract/index.js'
import { defined } from '../lib/index.js'
import type { CommandContext } from './command-context.js'
import { EXIT } from './exit-codes.js'
import { createPrint } from './print.js'
import { readConfig } from './read-config.js'
import { showWaiting } from './show-waiting.js'
import { writeInstructions, writeNotice } from './terminal.js'
import { untilAborted } from './until-aborted.js'

/** Signs in and keeps the sign-in where a mount with the same configuration finds it. */
export async function login(context: CommandContext, flags: Record<string, unknown>): Promise<number> {
  const ways = ['device', 'browser', 'plan', 'apiKey'].filter((way) => flags[way] === true)
  if (ways.length > 1) throw new ConfigurationError('login takes one of --device, --browser, --plan and --api-key', { code: 'usage' })
  const lane = flags.plan === true ? 'plan' : flags.apiKey === true ? 'api_key' : undefined
  const { options } = await readConfig(context, { ...flags, ...(lane ? { lane } : {}) })
  let stop = () => undefined as void
  const onShown = (): void => {
    stop()
    stop = showWaiting(context.terminal, 'waiting for the sign-in')
  }
  const credential = await withAccount(options, context, (account) => signIn(context, account, options, { flags, onShown })).finally(() => stop())
  reportSignIn(context, flags, credential, options)
  return EXIT.ok
}

/** `import FILE`: a sign-in that `export` wrote, or the Codex command line's own file. */
export async function importSignIn(context: CommandContext, flags: Record<string, unknown>, words: readonly string[]): Promise<number> {
  const { options } = await readConfig(context, flags)
  const credential = await withAccount(options, context, async (account) => {
    const { lane, store, redactor } = account
    if (flags.codex === true) {
      const fresh = await readCodexAuth({
        env: context.terminal.env, command: lane.signIn, refreshToken: flags.take === true ? 'take' : 'leave', ...defined({ path: words[0] }),
      })
      return account.credentials.accept(fresh)
    }
    const path = words[0]
    if (path === undefined) throw new ConfigurationError('import takes the file that export wrote, or --codex', { code: 'usage' })
    return importCredential({ lane, store, path, registerSecret: redactor.register, identity: options.account === undefined ? 'any' : 'pinned' })
  })
  reportSignIn(context, flags, credential, options)
  return EXIT.ok
}

export async function withAccount<Value>(
  options: ProviderOptions, { terminal, signal }: CommandContext, work: (account: AccountContainer) => Promise<Value>,
): Promise<Value> {
  const account = composeAccount({ options, parts: { warn: (message) => writeNotice(terminal, message) } })
  try {
    return await untilAborted(signal, () => work(account))
  } finally {
    await account.dispose()
  }
}

async function signIn(
  { terminal, signal }: CommandContext, account: AccountContainer, options: ProviderOptions, { flags, onShown }: { flags: Record<string, unknown>; onShown: () => void },
): Promise<Credential> {
  const { lane, store, transport, credentials } = account
  const show = ({ text, url }: { text: string; url: string }) => {
    writeInstructions(terminal, text)
    if (terminal.stderr.isTTY === true && flags.open !== false) openBrowser(url)
    onShown()
  }
  const common = { transport, show, signal, command: lane.signIn }
  if (lane.name === 'api_key') return signInWithKey(account)
  await assertReplaceable(store)
  let fresh: SignIn
  if (lane.name === 'plan') fresh = await signInWithPlan({
    ...common, lane, store, ...defined({ appName: options.appName, hostFile: options.hostFilePath }),
  })
  else if (flags.browser === true) fresh = await signInWithBrowser({ ...common, issuer: options.issuer, clientId: lane.clientId })
  else fresh = await signInWithDeviceCode({ ...common, issuer: options.issuer, clientId: lane.clientId, show: ({ text }) => { writeInstructions(terminal, text); onShown() } })
  return credentials.accept(fresh)
}

async function signInWithKey({ credentials }: AccountContainer): Promise<Credential> {
  try {
    return await credentials.current()
  } catch (cause) {
    throw new AuthenticationError(
      'The api_key lane has no sign-in: set lane: api_key and api_key: ${OPENAI_API_KEY} for the provider in ~/.amplifier/settings.yaml',
      { code: 'no_api_key', cause })
  }
}

/** Best effort: the address stands on the screen in any case. */
function openBrowser(url: string): void {
  const [command, ...args] = process.platform === 'darwin' ? ['open', url] : process.platform === 'win32' ? ['rundll32', 'url.dll,FileProtocolHandler', url] : ['xdg-open', url]
  execFile(command as string, args, () => undefined).unref()
}

function reportSignIn(context: CommandContext, flags: Record<string, unknown>, credential: Credential, options: ProviderOptions): void {
  const print = createPrint(context, flags)
  const account = { lane: credential.lane, account: options.account ?? 'default', account_id: credential.accountId, plan_type: credential.planType, email: credential.email }
  print.line(`Signed in: lane ${credential.lane}, account ${credential.accountId ?? 'unknown'}, plan ${credential.planType ?? 'unknown'}`)
  if (credential.lane === 'plan' && credential.planEnabled === false) print.line('The sign-in identifies you, but was not granted use of the plan. Sign in again and allow it.')
  print.value(account)
}
