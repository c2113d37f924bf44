/**
 * The present time as ISO 8601, written once for as long as it is the same millisecond: of 1,000 streams that share one, many
 * have an event in it.
 * @param now ms since 1970
 */
export function createStamp(now: () => number): () => string {
  let stamp = ''
  let stampMs: number | undefined
  return () => {
    const ms = now()
    if (ms !== stampMs) {
      stampMs = ms
      stamp = new Date(ms).toISOString()
    }
    return stamp
  }
}
