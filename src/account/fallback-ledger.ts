import type { PlaceBeat, PlaceLedger } from './place-ledger.js'
import { MACHINE_MS, shareOfMachine } from './place-rule.js'
import { LEASE_MS, type PlaceOutcome, type PlaceOwner, type PlaceRequest } from './place-state.js'

export interface FallbackLedgerOptions {
  ledger: PlaceLedger
  /** counts while `ledger` cannot be reached, for this machine's share */
  local: PlaceLedger
  /** `local` counts for this machine alone: it gives a share; default it gives all places */
  shared?: boolean
  /** One line when the first is left, with why. */
  warn: (share: string, cause: unknown) => void
  /** monotonic ms; default performance.now */
  now?: () => number
}

/** How often the ledger that could not be reached is tried again. */
const PROBE_MS = 1000
/** A failure that took longer than any wait for an answer says that this process stood still, and nothing of the ledger. */
const STOOD_STILL_MS = LEASE_MS

/**
 * The ledger where it can be reached, else the local one with this machine's share of the places. Either way the change is
 * told as "unknown", so that the owner says the whole, with the calls that it still runs.
 */
export function createFallbackLedger({ ledger, local, shared = false, warn, now = () => performance.now() }: FallbackLedgerOptions): PlaceLedger {
  let away = false
  let warned = false
  const probe = createProbe(ledger, now)
  /** Until the ledger has said how many there are, there may be any number; one that lost its data hears of them one by one. */
  let machines = { count: Number.POSITIVE_INFINITY, atMs: Number.NEGATIVE_INFINITY }
  /** From the first word of the end on what fails has failed by it, and nothing is counted elsewhere. */
  let closing = false

  const shareOf = (most: number) => (shared ? shareOfMachine(most, machines.count) : most)
  const share = (request: PlaceRequest): PlaceRequest => ({ ...request, most: shareOf(request.most) })
  const leave = (most: number, cause: unknown) => {
    if (away) return
    away = true
    probe.later()
    if (!warned) warn(`${shareOf(most)} of ${most}`, cause)
    warned = true
  }
  const learn = (outcome: PlaceOutcome): PlaceOutcome => {
    if (outcome.machines >= machines.count || now() - machines.atMs > MACHINE_MS) machines = { count: Math.max(1, outcome.machines), atMs: now() }
    warned = false
    return outcome
  }
  const fall = (request: PlaceRequest, cause: unknown, askedMs: number): PlaceOutcome | Promise<PlaceOutcome> => {
    if (closing || now() - askedMs > STOOD_STILL_MS) throw cause
    leave(request.most, cause)
    // A part of what changed says nothing to one that has not heard what was before.
    return local.step(share(request.whole ? request : { ...request, left: [], joined: [] }))
  }
  const stepFirst = (request: PlaceRequest): PlaceOutcome | Promise<PlaceOutcome> => {
    const askedMs = now()
    try {
      const outcome = ledger.step(request)
      return outcome instanceof Promise ? outcome.then(learn, (cause: unknown) => fall(request, cause, askedMs)) : learn(outcome)
    } catch (cause) {
      return fall(request, cause, askedMs)
    }
  }
  const beat = async (owner: PlaceOwner): Promise<PlaceBeat> => {
    if (away && await probe.reach(owner)) {
      away = false
      await leaveLedger(local, owner)
      return { known: false, granted: [] }
    }
    return (await (away ? local : ledger).beat?.(owner)) ?? { known: true, granted: [] }
  }
  return {
    get scope() { return (away ? local : ledger).scope }, get immediate() { return away ? local.immediate : ledger.immediate },
    step: (request) => (away ? local.step(share(request)) : stepFirst(request)),
    open: () => ledger.open?.(), beat,
    watch(owner, granted) {
      const ends = [ledger.watch?.(owner, (ids) => { if (!away) granted(ids) }), local.watch?.(owner, (ids) => { if (away) granted(ids) })]
      return () => { for (const end of ends) end?.() }
    },
    attend: async (owner, here) => ledger.attend?.(owner, here),
    inspect: () => (away ? local : ledger).inspect(),
    async close() {
      closing = true
      await Promise.allSettled([ledger, local].map((one) => one.close()))
    },
  }
}

/** Tries the ledger by a beat, at most once in a while. */
function createProbe(ledger: PlaceLedger, now: () => number) {
  let triedMs = 0
  let probing: Promise<boolean> | undefined
  return {
    later: () => void (triedMs = now()),
    reach(owner: PlaceOwner): Promise<boolean> {
      if (now() - triedMs < PROBE_MS) return Promise.resolve(false)
      triedMs = now()
      return (probing ??= (ledger.beat ? ledger.beat(owner) : Promise.reject(new Error('gone'))).then(() => true, () => false)
        .finally(() => { probing = undefined }))
    },
  }
}

/** The owner has nothing there any more. */
async function leaveLedger(ledger: PlaceLedger, owner: PlaceOwner): Promise<void> {
  try {
    await ledger.step({
      ...owner, seq: Number.MAX_SAFE_INTEGER, most: 1, running: 0, joined: [], left: [], whole: true, returning: false, served: 0, refusedMs: -1, waitedUntilMs: 0,
    })
  } catch {
    // Its lease ends by itself.
  }
}
