import { exportCredential, listAccounts, signOut } from '../auth/index.js'
import { ConfigurationError } from '../contract/index.js'
import { resolveOptions } from '../config/index.js'
import type { CommandContext } from './command-context.js'
import { EXIT } from './exit-codes.js'
import { withAccount } from './login.js'
import { createPrint } from './print.js'
import { readConfig } from './read-config.js'

/** Ends the sign-in at the server and forgets it here; `--local` only forgets it. */
export async function logout(context: CommandContext, flags: Record<string, unknown>): Promise<number> {
  const print = createPrint(context, flags)
  const { options } = await readConfig(context, flags)
  const result = await withAccount(options, context, ({ lane, store, transport }) => signOut({
    lane, store, transport, signal: context.signal, end: flags.local === true ? 'here' : 'server',
  }))
  print.line(result.message)
  print.value(result)
  return EXIT.ok
}

/** The sign-ins on this machine. */
export async function accounts(context: CommandContext, flags: Record<string, unknown>): Promise<number> {
  const print = createPrint(context, flags)
  const found = await listAccounts()
  const rows = []
  for (const { lane, account, path } of found) {
    const { options } = resolveOptions({ lane, account, token_file_path: path }, { env: {} })
    const credential = await withAccount(options, context, ({ credentials }) => credentials.peek().catch(() => undefined))
    rows.push({ lane, account, path, account_id: credential?.accountId, plan_type: credential?.planType, email: credential?.email, signed_in: credential !== undefined })
  }
  if (rows.length === 0) print.line('Nobody is signed in on this machine. Run amplifier-chatgpt login')
  else {
    print.table([{ title: 'account' }, { title: 'lane' }, { title: 'workspace' }, { title: 'plan' }, { title: 'file' }],
      rows.map((row) => [row.account, row.lane, row.account_id ?? '', row.signed_in ? (row.plan_type ?? '') : 'signed out', row.path]))
  }
  print.value(rows)
  return EXIT.ok
}

/** Writes the sign-in to a file for a machine without a browser. */
export async function exportSignIn(context: CommandContext, flags: Record<string, unknown>, words: readonly string[]): Promise<number> {
  const print = createPrint(context, flags)
  const path = words[0]
  if (path === undefined) throw new ConfigurationError('export takes the file to write', { code: 'usage' })
  const { options } = await readConfig(context, flags)
  const credential = await withAccount(options, context, ({ lane, store }) => exportCredential({ lane, store, path }))
  print.line(`Written to ${path} (mode 600) for account ${credential.accountId ?? 'unknown'}.`)
  print.line('A refresh token works once: move the file, import it there, then forget it here with amplifier-chatgpt logout --local. logout alone would end it at the server, for the other machine too.')
  print.value({ path, account_id: credential.accountId, lane: credential.lane })
  return EXIT.ok
}
