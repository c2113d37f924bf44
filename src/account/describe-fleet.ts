import { countRunning, limitOf } from './place-rule.js'
import { LEASE_MS, type PlaceState } from './place-state.js'

/** A process that runs or waits for calls. */
export interface FleetMember {
  machine: string
  pid: number
  version: string
  /** calls under way, with places that were given to it a moment ago */
  running: number
  waiting: number
  /** seconds since it was first counted without a break */
  since_seconds: number
  /** since its last word */
  silent_seconds: number
  /** It was silent for longer than a lease: its places are given on with the next word of another. */
  dead: boolean
}

/** Who holds the places of an account, as the ledger has it. */
export interface FleetStatus {
  scope: 'process' | 'machine' | 'account'
  /** in force */
  limit: number
  /** as the processes are configured, the least of them */
  configured: number
  /** refusals have cut the limit */
  cut: boolean
  /** seconds until calls are given places again, after a refusal */
  paused_seconds: number
  running: number
  waiting: { interactive: number; background: number }
  /** of the one that waits longest */
  longest_wait_seconds: number
  /** heard of in the last ten minutes */
  machines: number
  members: FleetMember[]
  /** with scope `account`: the server, its round trip, and how far this machine's clock is ahead of its own */
  server?: { place: string; latency_ms: number; clock_offset_ms: number }
}

/** @param seen when each process was last heard of; one that is missing has just been */
export function describeFleet(state: PlaceState, nowMs: number, scope: FleetStatus['scope'], seen: ReadonlyMap<string, number> = new Map()): FleetStatus {
  const interactive = state.interactive.flatMap(({ waiters }) => waiters)
  const background = state.background.flatMap(({ waiters }) => waiters)
  const waiting = [...interactive, ...background]
  const configured = Math.min(Number.MAX_SAFE_INTEGER, ...state.owners.map(({ most }) => most))
  const seconds = (ms: number) => Math.max(0, Math.round(ms / 1000))
  return {
    scope,
    limit: state.owners.length === 0 ? 0 : limitOf(state, configured),
    configured: state.owners.length === 0 ? 0 : configured,
    cut: state.cutTo > 0 && state.cutTo < configured,
    paused_seconds: seconds(state.pauseUntilMs - nowMs),
    running: countRunning(state),
    waiting: { interactive: interactive.length, background: background.length },
    longest_wait_seconds: seconds(Math.max(0, ...waiting.map(({ sinceMs }) => nowMs - sinceMs))),
    machines: state.machines.length,
    members: state.owners.map(({ name, machine, pid, version, running, granted, sinceMs }) => {
      const silentMs = nowMs - (seen.get(name) ?? nowMs)
      return {
        machine, pid, version, running: running + granted.length, waiting: waiting.filter(({ owner }) => owner === name).length, since_seconds: seconds(nowMs - sinceMs),
        silent_seconds: seconds(silentMs), dead: silentMs > LEASE_MS,
      }
    }),
  }
}
