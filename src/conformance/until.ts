import { delay } from '../lib/index.js'
import { Finding } from './expect.js'

const STEP_MS = 2

/** Looks until the condition holds. @throws Finding with `otherwise` after `limitMs` */
export async function until(condition: () => boolean, limitMs: number, otherwise: string): Promise<void> {
  const started = performance.now()
  while (!condition()) {
    if (performance.now() - started > limitMs) throw new Finding(otherwise)
    await delay(STEP_MS)
  }
}
