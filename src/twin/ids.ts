import { createHash } from 'node:crypto'

/** Ids that look like the backend's and count up, so that a run reads the same twice. */
export interface Ids {
  next(prefix: string): string
  /** of `bytes` random-looking bytes, base64url; for codes and tokens */
  secret(prefix: string, bytes?: number): string
}

export function createIds(seed: string): Ids {
  let counter = 0
  const digest = (label: string) => createHash('sha512').update(`${seed}:${label}:${++counter}`).digest()
  return {
    next: (prefix) => `${prefix}_${digest(prefix).toString('hex').slice(0, 48)}`,
    secret: (prefix, bytes = 32) => `${prefix}${digest(prefix).subarray(0, bytes).toString('base64url')}`,
  }
}
