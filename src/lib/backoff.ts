export interface BackoffPolicy {
  baseMs: number
  capMs: number
}

/**
 * Full jitter: a random wait between 0 and `base × 2^(attempt-1)`, capped.
 * @param attempt counted from 1
 * @see https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter/
 */
export function backoffMs(policy: BackoffPolicy, attempt: number, random: () => number = Math.random): number {
  return Math.round(random() * Math.min(policy.capMs, policy.baseMs * 2 ** (attempt - 1)))
}
