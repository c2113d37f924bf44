import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const built = existsSync(join(import.meta.dirname, '../dist/index.js'))

interface Startup {
  measureStartup(repeats: number): { undici_ms: number; mount_ms: number; ratio: number }
}

// Loose, since other tests run beside it; `npm run bench` says how it is on a quiet machine: 1.1.
test.skipIf(!built)('import plus mount takes at most three times as long as loading undici alone', { timeout: 60_000, retry: 2 }, async () => {
  const path = './bench/startup.mjs'
  const { measureStartup } = (await import(path)) as Startup
  expect(measureStartup(3).ratio).toBeLessThanOrEqual(3)
})
