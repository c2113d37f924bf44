import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { ConfigurationError, LANE_NAMES, laneRow, type LaneName } from '../contract/index.js'
import { findHomeFolder } from '../lib/index.js'

/** The Python module's place for plan sign-ins. The row's `fileStem` is the one of version 0.1.0, which is used where it holds one. */
const PLAN_FOLDER = 'chatgpt-plan'
const ACCOUNT = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/
/** The Python module's file, beside the credentials, that names this host. */
export const HOST_FILE = 'host.json'
/** What names the account that has no name. */
export const DEFAULT_ACCOUNT = 'default'

export interface TokenFileOptions {
  lane: LaneName
  /** default: the account without a name */
  account?: string
  /** default `~/.amplifier` */
  folder?: string
  /** default: the user's home folder */
  home?: string
}

export interface StoredAccount {
  lane: LaneName
  account: string
  path: string
}

/** Where a lane's account is kept. @throws ConfigurationError for a name that cannot be part of a file name */
export function tokenFilePath(options: TokenFileOptions): string {
  const { lane, account = DEFAULT_ACCOUNT } = options
  if (!ACCOUNT.test(account)) {
    throw new ConfigurationError(`account ${JSON.stringify(account)} is no account name: letters, digits, - and _, at most 64`, { code: 'account' })
  }
  const name = account === DEFAULT_ACCOUNT ? laneRow(lane).fileStem : `${laneRow(lane).fileStem}.${account}`
  const path = join(accountFolder(options), `${name}.json`)
  if (lane !== 'plan') return path
  const shared = join(accountFolder(options), PLAN_FOLDER, `${account}.json`)
  return !existsSync(shared) && existsSync(path) ? path : shared
}

export function accountFolder(options: Pick<TokenFileOptions, 'folder' | 'home'> = {}): string {
  return options.folder ?? join(options.home ?? findHomeFolder(), '.amplifier')
}

/** The accounts that have a file, by lane and name; none where there is no folder. */
export async function listAccounts(options: Pick<TokenFileOptions, 'folder' | 'home'> = {}): Promise<StoredAccount[]> {
  const folder = accountFolder(options)
  const names = await readdir(folder).catch(() => [])
  const found = names.flatMap((name): StoredAccount[] => {
    for (const lane of LANE_NAMES) {
      const stem = laneRow(lane).fileStem
      if (!name.startsWith(stem) || !name.endsWith('.json')) continue
      const rest = name.slice(stem.length, -'.json'.length)
      const account = rest === '' ? DEFAULT_ACCOUNT : rest.startsWith('.') ? rest.slice(1) : undefined
      if (account !== undefined && ACCOUNT.test(account)) return [{ lane, account, path: join(folder, name) }]
    }
    return []
  })
  for (const name of await readdir(join(folder, PLAN_FOLDER)).catch(() => [])) {
    const account = name.endsWith('.json') ? name.slice(0, -'.json'.length) : ''
    if (!ACCOUNT.test(account) || name === HOST_FILE) continue
    const former = found.findIndex((entry) => entry.lane === 'plan' && entry.account === account)
    if (former !== -1) found.splice(former, 1)
    found.push({ lane: 'plan', account, path: join(folder, PLAN_FOLDER, name) })
  }
  const order = (entry: StoredAccount) => `${entry.lane} ${entry.account === DEFAULT_ACCOUNT ? '' : entry.account}`
  return found.sort((a, b) => (order(a) < order(b) ? -1 : 1))
}
