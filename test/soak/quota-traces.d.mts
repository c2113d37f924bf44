import type { Quota } from '../../src/account/index.js'

export interface QuotaTrace {
  tellings: { atMs: number; headers: Record<string, string> }[]
  fullAtMs: number
  agents: number
  decimals: number
}
export function buildQuotaTrace(seed: number, startMs: number): QuotaTrace
export function forecastAnHourAhead(
  createQuota: (options: { now: () => number }) => Pick<Quota, 'observeHeaders' | 'outlook'>, trace: QuotaTrace,
): { offMinutes: number; errorMinutes: number | undefined }
