import { ConfigurationError, laneRow, type LaneName } from '../contract/index.js'
import { checkIssuerUrl } from './origin-binding.js'
import type { LaneConfig } from './lane.js'

export const DEFAULT_ISSUER = 'https://auth.openai.com'

/** The issuer without a trailing slash. @throws ConfigurationError */
export function checkedIssuer(config: LaneConfig): string {
  const issuer = trimSlashes(config.issuer ?? DEFAULT_ISSUER)
  const wrong = checkIssuerUrl(issuer)
  if (wrong !== undefined) throw new ConfigurationError(wrong, { code: 'issuer' })
  return issuer
}

/** The command that signs in to this lane and account, and keeps the sign-in where it is looked for. */
export function signInCommand(lane: LaneName, { account, tokenFile }: Pick<LaneConfig, 'account' | 'tokenFile'> = {}): string {
  const named = account === undefined || account === 'default' ? '' : ` --account ${account}`
  return `amplifier-chatgpt login${laneRow(lane).loginFlag}${named}${tokenFile === undefined ? '' : ` --token-file ${quoteWord(tokenFile)}`}`
}

/** As shells take a path. */
const quoteWord = (text: string): string => (/^[\w.,:=@/\\~+-]+$/.test(text) ? text : `"${text}"`)

export function trimSlashes(url: string): string {
  return url.replace(/\/+$/, '')
}
