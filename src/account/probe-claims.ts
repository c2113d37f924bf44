import { decodeMoment, isRecord } from '../lib/index.js'
import type { Persisted } from './persisted.js'

/** The models that a process is asking right now whether they serve again, among all processes that share the store. */
export interface ProbeClaims {
  /** False where another process holds the claim. True also where the store cannot be asked: a second probe costs a call, none costs the model. */
  claim(model: string): Promise<boolean>
  release(model: string): void
  /** Once every release so far has reached the store, or failed to. */
  settled(): Promise<void>
}

/** @param ttlMs how long one that does not come back keeps its claim */
export function createProbeClaims(persisted: Persisted | undefined, ttlMs: number, now: () => number): ProbeClaims {
  const own = new Set<string>()
  let releases: Promise<unknown> = Promise.resolve()
  const standing = (stored: unknown) => Object.fromEntries(
    Object.entries(isRecord(stored) ? stored : {}).filter(([, until]) => (decodeMoment(until) ?? 0) > now() && (decodeMoment(until) ?? 0) <= now() + 2 * ttlMs))
  return {
    async claim(model) {
      if (!persisted?.update) return true
      let isOurs = true
      const claimed = persisted.update((stored) => {
        const claims = standing(stored)
        isOurs = !Object.hasOwn(claims, model)
        return isOurs ? { ...claims, [model]: Math.round(now() + ttlMs) } : claims
      })
      if (!(await claimed.then(() => true, () => false))) return true
      if (isOurs) own.add(model)
      return isOurs
    },
    release(model) {
      if (!own.delete(model)) return
      const released = persisted?.update?.((stored) => {
        const { [model]: _ended, ...others } = standing(stored)
        return others
      }).catch(() => undefined)
      releases = Promise.all([releases, released])
    },
    settled: () => releases.then(() => undefined),
  }
}
