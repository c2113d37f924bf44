export interface Demand {
  calls: { agent: number; atMs: number; takesMs: number; essential: boolean; cost: number; weigh: number }[]
  agents: number
  decimals: number
  load: number
  essentialShare: number
  sufficed: boolean
  pauses: number
  bursts: number
}

export interface TraceOutcome {
  essential: number
  essentialRefused: number
  refused: number
  steppedDown: number
  asAsked: number
  waitedMs: number
  usedAtReset: number
  switches: number
}

interface TraceQuota {
  observeHeaders(headers: Record<string, string>): void
}

export function buildDemand(seed: number): Demand
export function runTrace<Q extends TraceQuota>(parts: {
  createQuota: (options: { now: () => number }) => Q
  createAdmission?: (options: { quota: Q; now: () => number }) => {
    judge(call: { essential: boolean }): { action: string }
    begin(call: { essential: boolean; steppedDown: boolean }): (weight?: number) => void
  }
}, demand: Demand, startMs: number): TraceOutcome
