/** One command that walks the way of a real call and says where it ends. */
import { lookup } from 'node:dns/promises'
import { findCaFault, isProxied } from '../account-storage.js'
import type { Credential } from '../auth/index.js'
import type { ProviderOptions } from '../config/index.js'
import type { AccountContainer } from '../compose-account.js'
import { isLLMError } from '../contract/index.js'
import { CERTIFICATE_ADVICE, isCertificateFault, isRecord, parseJson } from '../lib/index.js'
import type { CommandContext } from './command-context.js'
import { EXIT } from './exit-codes.js'
import { checkFleet } from './fleet.js'
import { withAccount } from './login.js'
import { withSession } from './open-session.js'
import { createPrint } from './print.js'
import { readConfig, type CommandConfig } from './read-config.js'

interface Finding {
  check: string
  result: 'ok' | 'warning' | 'error' | 'skipped'
  detail: string
}

type Note = (check: string, result: Finding['result'], detail: string) => void

/** A clock this far off makes tokens look valid that are not, or the other way round. */
const MAX_SKEW_SECONDS = 60
const PROXY_VARIABLES = ['http_proxy', 'HTTP_PROXY', 'https_proxy', 'HTTPS_PROXY', 'all_proxy', 'ALL_PROXY', 'no_proxy', 'NO_PROXY']

export async function doctor(context: CommandContext, flags: Record<string, unknown>): Promise<number> {
  const print = createPrint(context, flags)
  const findings: Finding[] = []
  const note: Note = (check, result, detail) => void findings.push({ check, result, detail })
  const config = await readConfig(context, flags)
  const { options } = config
  checkSettings(context, config, note)
  await checkNames(context, options, note)
  const signIn = await withAccount(options, context, async (account) => {
    const untrusted = await checkServer(context, account, options, note)
    await checkCertificates(context, options, untrusted, note)
    const found = await checkSignIn(account, note)
    if (found.credential) {
      account.useAccount(found.credential.accountKey)
      await checkFleet(account, note)
    }
    return found
  })
  if (signIn.credential) await checkMount(context, flags, config, note)
  else for (const check of ['catalog', 'websocket', 'roles']) note(check, 'skipped', signIn.missing)
  const worst = findings.some(({ result }) => result === 'error')
  const marks = { ok: print.paint.green('ok'), warning: print.paint.yellow('warning'), error: print.paint.red('error'), skipped: print.paint.dim('skipped') }
  print.table([{ title: 'check' }, { title: 'result' }, { title: '' }], findings.map(({ check, result, detail }) => [check, marks[result], detail]))
  print.value({ ok: !worst, findings })
  if (!worst) return EXIT.ok
  return findings.some(({ check, result }) => check === 'sign-in' && result === 'error') ? EXIT.auth : EXIT.unavailable
}

function checkSettings({ terminal: { env } }: CommandContext, { options, passedOver }: CommandConfig, note: Note): void {
  note('node', 'ok', `${process.version} on ${process.platform}-${process.arch}`)
  note('lane', 'ok', `${options.lane}, ${options.baseUrl}`)
  for (const words of passedOver) note('settings', 'warning', words)
  // The Python package starts us, and says what is installed beside it.
  const other = parseJson(env.AMPLIFIER_CHATGPT_OTHER_PACKAGE ?? 'null')
  if (isRecord(other)) note('packages', 'warning', `Amplifier finds ${String(other['package'])} under our name too, and mounts ${String(other['mounted'])} alone. Run ${String(other['python'])} -m pip uninstall ${String(other['package'])}`)
  const set = PROXY_VARIABLES.filter((name) => env[name])
  // Values may hold a password: their names are enough.
  note('proxy', 'ok', set.length === 0 ? 'none set' : `${set.join(', ')} set`)
}

/** @param untrusted the servers whose certificates none of the authorities vouches for */
async function checkCertificates({ terminal: { env } }: CommandContext, options: ProviderOptions, untrusted: readonly string[], note: Note): Promise<void> {
  if (env.NODE_TLS_REJECT_UNAUTHORIZED === '0') {
    return note('certificates', 'error', 'NODE_TLS_REJECT_UNAUTHORIZED=0 turns verification off for the whole process; unset it and name the authority with ca_file')
  }
  // One of NODE_EXTRA_CA_CERTS that Node could not read at its start is passed over: it has warned of it.
  const fault = await findCaFault(options)
  if (fault !== undefined) return note('certificates', 'error', fault)
  const more = [options.caFile && `ca_file ${options.caFile}`, env.NODE_EXTRA_CA_CERTS && `NODE_EXTRA_CA_CERTS ${env.NODE_EXTRA_CA_CERTS}`].filter(Boolean)
  const authorities = more.length === 0 ? 'the built-in authorities' : more.join(', ')
  if (untrusted.length === 0) return note('certificates', 'ok', authorities)
  note('certificates', 'error', `${untrusted.join(', ')}: not believed by ${authorities}. ${CERTIFICATE_ADVICE}${env.SSL_CERT_FILE ? ' SSL_CERT_FILE has no effect.' : ''}`)
}

async function checkNames({ terminal: { env } }: CommandContext, options: ProviderOptions, note: Note): Promise<void> {
  for (const url of new Set([options.baseUrl, options.issuer].map((each) => new URL(each).origin))) {
    const host = new URL(url).hostname
    try {
      const { address } = await lookup(host)
      note('dns', 'ok', `${host} is ${address}`)
    } catch (error) {
      const words = `${host} cannot be resolved (${(error as NodeJS.ErrnoException).code ?? 'unknown error'})`
      // A proxy resolves names itself, so many networks behind one know none.
      if (isProxied(url, env)) note('dns', 'warning', `${words}; the proxy may do that, and network below says whether it does`)
      else note('dns', 'error', `${words}: check the connection and base_url, or set HTTPS_PROXY where a proxy is the way out`)
    }
  }
}

async function checkServer({ signal }: CommandContext, { transport }: AccountContainer, options: ProviderOptions, note: Note): Promise<string[]> {
  const untrusted: string[] = []
  for (const url of new Set([new URL(options.baseUrl).origin, options.issuer])) {
    try {
      const reply = await transport.fetch({ method: 'GET', url: `${url}/`, headers: {}, signal, timeouts: { connectMs: 10_000, totalMs: 15_000 } })
      note('network', 'ok', `${url} answers (${reply.status})`)
      const date = Date.parse(reply.headers.date ?? '')
      if (!Number.isFinite(date)) continue
      const skew = Math.round((Date.now() - date) / 1000)
      note('clock', Math.abs(skew) > MAX_SKEW_SECONDS ? 'error' : 'ok', `${Math.abs(skew)} s ${skew < 0 ? 'behind' : 'ahead of'} ${url}`)
    } catch (error) {
      const words = error instanceof Error ? error.message : String(error)
      const isUntrusted = isRecord(error) && isCertificateFault(error['systemCode'])
      if (isUntrusted) untrusted.push(new URL(url).host)
      note('network', 'error', isUntrusted ? `${words}. ${CERTIFICATE_ADVICE}` : words)
    }
  }
  return untrusted
}

/** The sign-in, or why what needs one is not tried. */
async function checkSignIn({ credentials, store }: AccountContainer, note: Note): Promise<{ credential?: Credential; missing: string }> {
  try {
    const credential = await credentials.current()
    note('sign-in', 'ok', `${store.place}, workspace ${credential.accountId ?? 'none'}`)
    note('plan', credential.planEnabled === false ? 'error' : 'ok', credential.planType ?? 'unknown')
    return { credential, missing: '' }
  } catch (error) {
    note('sign-in', 'error', error instanceof Error ? error.message : String(error))
    if (isLLMError(error) && error.name === 'AuthenticationError') return { missing: 'nobody is signed in' }
    const isAway = isLLMError(error) && error.code === 'token_store_unreachable'
    return { missing: isAway && store.kind === 'redis' ? "not tried: Redis can't be reached" : 'not tried: the sign-in cannot be used now' }
  }
}

async function checkMount(context: CommandContext, flags: Record<string, unknown>, config: CommandConfig, note: Note): Promise<void> {
  await withSession(context, flags, async ({ provider, resolver }) => {
    const models = await provider.listModels()
    const source = String(models[0]?.metadata?.source ?? 'unknown')
    note('catalog', source === 'live' ? 'ok' : 'error', `${models.length} models, ${source}`)
    try {
      const socket = await provider.openSocket({ signal: AbortSignal.any([context.signal, AbortSignal.timeout(15_000)]) })
      socket.close()
      note('websocket', 'ok', 'the upgrade is answered')
    } catch (error) {
      note('websocket', 'warning', error instanceof Error ? error.message : String(error))
    }
    const choice = provider.transportChoice()
    note('transport', 'ok', `${choice.kind === 'websocket' ? 'WebSocket' : 'HTTP'}: ${choice.reason}`)
    if (!resolver) return EXIT.ok
    for (const { role, status, resolved, problems } of (await resolver.check()).roles) {
      note(`role ${role}`, status === 'served' ? 'ok' : status === 'unserved' ? 'error' : 'warning', resolved?.resolved_model ?? problems[0] ?? status)
    }
    return EXIT.ok
  }, config)
}
