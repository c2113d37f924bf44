import { ConfigurationError } from '../contract/index.js'
import type { CommandContext } from './command-context.js'
import { EXIT } from './exit-codes.js'
import { withAccount } from './login.js'
import { createPrint } from './print.js'
import { readConfig } from './read-config.js'
import { readUsage } from './status.js'

const OUTCOMES: Readonly<Record<string, string>> = {
  reset: 'The windows are reset.', nothing_to_reset: 'Nothing to reset: the windows are empty.', no_credit: 'The account has no banked reset.',
  already_redeemed: 'This reset had been redeemed already.',
}

/** Spends one banked reset; nothing else of this program ever does. */
export async function redeemReset(context: CommandContext, flags: Record<string, unknown>): Promise<number> {
  const print = createPrint(context, flags)
  const { options } = await readConfig(context, flags)
  return withAccount(options, context, async (account) => {
    const { accountKey } = await account.credentials.current({ signal: context.signal })
    account.useAccount(accountKey)
    const before = await readUsage(account, context.signal)
    if (before.banked_resets === 0) throw new ConfigurationError('the account has no banked reset', { code: 'no_credit' })
    const outcome = await account.usage?.redeemReset(context.signal)
    // The windows as they are now, for every process of this home.
    const after = await readUsage(account, context.signal)
    print.line(OUTCOMES[outcome?.code ?? ''] ?? `The server answered ${outcome?.code}.`)
    print.line(`banked resets     ${after.banked_resets ?? 'unknown'}`)
    print.value({ ...outcome, banked_resets: after.banked_resets, quota: account.quota.windows() })
    return outcome?.code === 'reset' ? EXIT.ok : EXIT.failed
  })
}
