import { countRunning, limitOf } from './place-rule.js'
import { LEASE_MS, type PlaceOwner, type PlaceState } from './place-state.js'

/** A process of the fleet. */
export interface FleetMember {
  machine: string
  pid: number
  version: string
  /** calls under way, with places that were given to it a moment ago */
  running: number
  waiting: number
  /** seconds since it was first counted without a break; absent where idle */
  since_seconds?: number
  /** since its last word; one that is idle says one every 30 s */
  silent_seconds: number
  /** It neither runs nor waits for calls. */
  idle: boolean
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

/** One that has missed two of its words has ended without a last one. */
export const ABSENT_MS = 75_000

/** A process that has said that it is there. */
export interface Attendant extends PlaceOwner {
  readonly atMs: number
}

interface Heard {
  scope: FleetStatus['scope']
  /** when each process with calls was last heard of; one that is missing has just been */
  seen?: ReadonlyMap<string, number>
  present?: readonly Attendant[]
}

export function describeFleet(state: PlaceState, nowMs: number, { scope, seen = new Map(), present = [] }: Heard): FleetStatus {
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
    members: [...state.owners.map(({ name, machine, pid, version, running, granted, sinceMs }) => {
      const silentMs = nowMs - (seen.get(name) ?? nowMs)
      return {
        machine, pid, version, running: running + granted.length, waiting: waiting.filter(({ owner }) => owner === name).length, since_seconds: seconds(nowMs - sinceMs),
        silent_seconds: seconds(silentMs), idle: false, dead: silentMs > LEASE_MS,
      }
    }), ...listIdle(state, nowMs, present)],
  }
}

function listIdle({ owners }: PlaceState, nowMs: number, present: readonly Attendant[]): FleetMember[] {
  const counted = new Set(owners.map(({ name }) => name))
  return present.flatMap(({ name, machine, pid, version, atMs }) => (counted.has(name) || nowMs - atMs > ABSENT_MS
    ? []
    : [{ machine, pid, version, running: 0, waiting: 0, silent_seconds: Math.max(0, Math.round((nowMs - atMs) / 1000)), idle: true, dead: false }]))
}
