import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import * as host from '../../src/host/index.js'
import * as routing from '../../src/routing/index.js'

interface Runner {
  run(kind: string, vector: unknown): Promise<{ expected: unknown; actual: unknown }>
}
const adapter = (await import(new URL('./vector-kinds.mjs', import.meta.url).href)) as { KINDS: Set<string>; createRunner(routing: unknown, host: unknown): Runner }
const runner = adapter.createRunner(routing, host)

const read = (file: URL) => JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>
const own = new URL('./reference-vectors.json', import.meta.url)
const whole = new URL('../../../shared/vectors/routing.json', import.meta.url)

function describeVectors(name: string, vectors: Record<string, unknown>): void {
  describe(name, () => {
    const kinds = Object.entries(vectors).filter((entry): entry is [string, unknown[]] => Array.isArray(entry[1]) && adapter.KINDS.has(entry[0]))
    test.each(kinds)('every %s comes out as the reference has it', async (kind, list) => {
      expect(list.length).toBeGreaterThan(0)
      const differing: unknown[] = []
      for (const [place, vector] of list.entries()) {
        const { expected, actual } = await runner.run(kind, vector)
        try {
          expect(actual).toStrictEqual(expected)
        } catch {
          differing.push({ place, expected, actual })
        }
      }
      expect(differing).toEqual([])
    })
  })
}

describeVectors('the reference implementation’s answers, a few of each kind', read(own))

if (existsSync(whole)) describeVectors('the reference implementation’s answers, all of them', read(whole))
else test.skip('the whole set is not beside this project: the few of each kind stand in', () => undefined)
