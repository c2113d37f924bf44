/**
 * Starts to count; what it answers says how many ms have passed, by whichever clock says more. The wall clock may be set
 * back, and a wait by it alone would last as long as the step; the steady one stands still while a laptop sleeps.
 * @param now the wall clock, ms since 1970
 */
export function startElapsed(now: () => number, steady: () => number = () => performance.now()): () => number {
  const wallMs = now()
  const steadyMs = steady()
  return () => Math.max(0, now() - wallMs, steady() - steadyMs)
}
