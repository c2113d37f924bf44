import type { FleetStatus } from '../account/index.js'
import type { AccountContainer } from '../compose-account.js'
import type { ProviderOptions } from '../config/index.js'
import type { CommandContext } from './command-context.js'
import { EXIT } from './exit-codes.js'
import { withAccount } from './login.js'
import { createPrint, type Print } from './print.js'
import { readConfig } from './read-config.js'

const SCOPES: Readonly<Record<FleetStatus['scope'], string>> = {
  account: 'all processes that share the Redis', machine: 'the processes of this machine', process: 'this process alone',
}

/** Who holds the account's places, and who waits. */
export async function fleetStatus(context: CommandContext, flags: Record<string, unknown>): Promise<number> {
  const print = createPrint(context, flags)
  const { options } = await readConfig(context, flags)
  return withAccount(options, context, async (account) => {
    const { credentials, lane } = account
    const state = lane.apiKey === undefined ? await credentials.state() : undefined
    if (state?.state === 'unreadable' && state.transient) return reportAway(print, state.message, describeMeanwhile(options))
    const credential = await credentials.peek().catch(() => undefined)
    if (!credential) {
      const message = state && state.state !== 'present' ? state.message : `nobody is signed in. Run ${credentials.signIn}`
      print.line(message)
      print.value({ signed_in: false, message })
      return EXIT.auth
    }
    account.useAccount(credential.accountKey)
    const found = await account.limiter.inspect().catch((error: unknown) => (error instanceof Error ? error : new Error(String(error))))
    if (found instanceof Error) return reportAway(print, found.message, describeMeanwhile(options))
    const fleet = withConfigured(found, options)
    print.line(`counted over      ${SCOPES[fleet.scope]}${fleet.server ? ` (${fleet.server.place}, ${fleet.server.latency_ms} ms)` : ''}`)
    print.line(`running           ${fleet.running} of ${fleet.limit}${fleet.cut ? ` (${fleet.configured} configured; refusals have cut it)` : ''}`)
    print.line(`waiting           ${fleet.waiting.interactive} interactive, ${fleet.waiting.background} background${fleet.longest_wait_seconds > 0 ? `, the longest for ${fleet.longest_wait_seconds} s` : ''}`)
    if (fleet.paused_seconds > 0) print.line(`paused            for ${fleet.paused_seconds} s`)
    print.line(`shared by         ${describeReach(fleet)}`)
    if (fleet.members.length > 0) {
      print.line()
      print.table(
        [{ title: 'machine' }, { title: 'process' }, { title: 'version' }, { title: 'running' }, { title: 'waiting' }, { title: 'for' }, { title: 'last heard of' }],
        fleet.members.map((member) => [
          member.machine, String(member.pid), member.version, String(member.running), String(member.waiting), member.idle ? '' : `${member.since_seconds} s`, `${member.silent_seconds} s ago${member.dead ? ', taken for dead' : member.idle ? ', idle' : ''}`,
        ]),
      )
    }
    print.value({ signed_in: true, ...fleet })
    return EXIT.ok
  })
}

/** Where nobody runs or waits, nobody has told the ledger a limit: this process's own settings are what it would tell. */
function withConfigured(fleet: FleetStatus, { maxConcurrency }: ProviderOptions): FleetStatus {
  return fleet.members.some(({ idle }) => !idle) ? fleet : { ...fleet, limit: maxConcurrency, configured: maxConcurrency, cut: false }
}

/** Machines without calls count for shares ten minutes longer. */
function describeReach({ members, machines }: FleetStatus): string {
  const busy = members.filter(({ idle }) => !idle)
  const on = new Set(busy.map(({ machine }) => machine)).size
  return `${count(busy.length, 'process', 'processes')} with calls on ${count(on, 'machine', 'machines')} (${machines} heard of in the last ten minutes), ${members.length - busy.length} idle`
}

const count = (number: number, one: string, more: string) => `${number} ${number === 1 ? one : more}`

/** The sign-in or the places cannot be asked for: that is said, and what counts until they can. */
function reportAway(print: Print, message: string, meanwhile: string): number {
  print.line(message)
  print.line(`meanwhile         ${meanwhile}`)
  print.value({ reachable: false, message, meanwhile })
  return EXIT.unavailable
}

function describeMeanwhile({ maxConcurrency, tokenStore, concurrencyScope }: ProviderOptions): string {
  if (tokenStore === 'redis' && concurrencyScope === 'machine') return `${SCOPES.machine} count their calls together as before, up to max_concurrency (${maxConcurrency})`
  if (tokenStore !== 'redis' || concurrencyScope !== 'account') return `each process counts its own calls, up to max_concurrency (${maxConcurrency})`
  return `each machine runs its share: max_concurrency (${maxConcurrency}) divided by the machines it heard of in the last ten minutes, one call at least; one where it has heard of none`
}

/** A server that is slower than this is felt in every call. */
const SLOW_MS = 50
const MAX_SKEW_MS = 5000

/** What `doctor` says of the fleet: reach, latency, clock, versions, who holds what. */
export async function checkFleet(
  { limiter }: Pick<AccountContainer, 'limiter'>, note: (check: string, result: 'ok' | 'warning' | 'error', detail: string) => void,
): Promise<void> {
  const fleet = await limiter.inspect().catch((error: unknown) => {
    note('fleet', 'error', error instanceof Error ? error.message : String(error))
    return undefined
  })
  if (!fleet) return
  const { server, members } = fleet
  note('fleet', 'ok', `${SCOPES[fleet.scope]}: ${fleet.running} running, ${fleet.waiting.interactive + fleet.waiting.background} waiting, ${describeReach(fleet)}`)
  if (server) {
    note('fleet latency', server.latency_ms > SLOW_MS ? 'warning' : 'ok', `${server.latency_ms} ms to ${server.place}`)
    const skewMs = Math.abs(server.clock_offset_ms)
    note('fleet clock', skewMs > MAX_SKEW_MS ? 'warning' : 'ok', `${skewMs} ms ${server.clock_offset_ms < 0 ? 'behind' : 'ahead of'} ${server.place}; places go by the server's clock`)
  }
  const versions = [...new Set(members.map(({ version }) => version))].sort()
  if (versions.length > 0) note('fleet versions', versions.length > 1 ? 'warning' : 'ok', versions.join(', '))
  for (const { machine, pid, running, waiting, silent_seconds, dead, idle } of members) {
    if (idle) continue
    const holds = `process ${pid} on ${machine}: ${running} running, ${waiting} waiting`
    if (dead) note('fleet holder', 'warning', `${holds}; last heard of ${silent_seconds} s ago, so that its places are given on with the next call of another`)
    else note('fleet holder', 'ok', holds)
  }
}
