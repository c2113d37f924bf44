import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { originOf, attachOrigins, listOrigins, type Origin } from '../../src/config/index.js'
import { mergeMappings } from '../../src/documents/merge-mappings.js'
import { mergeModuleEntries, type ModuleEntry } from '../../src/config/module-entry.js'
import { SEED } from '../support/made-up.js'


/** Mappings in which a name always holds the same kind, as in files that mean the same thing. */
const { mapping } = fc.letrec<{ mapping: Record<string, unknown> }>((tie) => ({
  mapping: fc.record(
    {
      text: fc.string(), number: fc.integer(), list: fc.array(fc.integer(), { maxLength: 3 }), constructor: fc.boolean(), a: tie('mapping'), b: tie('mapping'),
    },
    { requiredKeys: [] },
  ),
}))

const entries = fc.uniqueArray(
  fc.record({ module: fc.constantFrom('m', 'n'), id: fc.constantFrom('x', 'y', undefined), config: mapping }),
  { selector: ({ id, module }) => id ?? module, maxLength: 4 },
).map((list): ModuleEntry[] => list.map(({ module, id, config }) => ({ module, ...(id === undefined ? {} : { id }), config })))

let file = 0
/** A copy whose every key comes from a line of its own. */
function withOrigins(value: Record<string, unknown>, name = `f${(file += 1)}`): Record<string, unknown> {
  let line = 0
  const walk = (item: Record<string, unknown>): Record<string, unknown> => {
    const origins: Record<string, Origin> = {}
    const copy = Object.fromEntries(Object.entries(item).map(([key, inner]) => {
      origins[key] = { file: name, line: (line += 1), column: 1, whose: 'user' }
      return [key, typeof inner === 'object' && inner !== null && !Array.isArray(inner) ? walk(inner as Record<string, unknown>) : inner]
    }))
    return attachOrigins(copy, origins)
  }
  return walk(value)
}

describe('mappings', () => {
  test('merge in any grouping to the same value and the same origins', () => {
    fc.assert(
      fc.property(mapping, mapping, mapping, (x, y, z) => {
        const [a, b, c] = [withOrigins(x, 'a'), withOrigins(y, 'b'), withOrigins(z, 'c')]
        const left = mergeMappings(mergeMappings(a, b), c)
        const right = mergeMappings(a, mergeMappings(b, c))
        expect(left).toEqual(right)
        expect(listOrigins(left)).toEqual(listOrigins(right))
      }),
      { seed: SEED, numRuns: 150 },
    )
  })

  test('merging with nothing, or with itself, changes nothing; arguments stay as they were', () => {
    fc.assert(
      fc.property(mapping, mapping, (x, y) => {
        const [a, b] = [withOrigins(x, 'a'), withOrigins(y, 'b')]
        const before = JSON.stringify([a, b, listOrigins(a), listOrigins(b)])
        expect(mergeMappings(a, {})).toEqual(a)
        expect(mergeMappings({}, a)).toEqual(a)
        expect(mergeMappings(a, a)).toEqual(a)
        expect(listOrigins(mergeMappings(a, a))).toEqual(listOrigins(a))
        mergeMappings(a, b)
        expect(JSON.stringify([a, b, listOrigins(a), listOrigins(b)])).toBe(before)
      }),
      { seed: SEED, numRuns: 100 },
    )
  })

  test('the later wins wherever it says anything', () => {
    fc.assert(
      fc.property(mapping, mapping, (a, b) => {
        expect(mergeMappings(a, b)).toMatchObject(b)
      }),
      { seed: SEED, numRuns: 100 },
    )
  })

  test('where a mapping meets something else the later replaces it whole, so grouping matters there', () => {
    const [a, b, c] = [{ k: { x: 1 } }, { k: 5 }, { k: { y: 2 } }]
    expect(mergeMappings(mergeMappings(a, b), c)).toEqual({ k: { y: 2 } })
    expect(mergeMappings(a, mergeMappings(b, c))).toEqual({ k: { x: 1, y: 2 } })
  })

  test('a key named __proto__ stays a key', () => {
    const evil = JSON.parse('{"__proto__": {"polluted": 1}}') as Record<string, unknown>
    const merged = mergeMappings({}, evil)
    expect(Object.keys(merged)).toEqual(['__proto__'])
    expect(Object.getPrototypeOf(merged)).toBe(Object.prototype)
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
  })

  test('a value from host code has no origin and hides the one it replaced', () => {
    const a = attachOrigins({ k: 1 }, { k: { file: 'f', line: 1, column: 1, whose: 'project' } })
    expect(originOf(mergeMappings(a, { k: 2 }), 'k')).toBeUndefined()
  })

  test('the list of what a value replaced is bounded', () => {
    let merged: Record<string, unknown> = {}
    for (let i = 0; i < 100; i += 1) merged = mergeMappings(merged, withOrigins({ k: i }))
    expect(originOf(merged, 'k')?.shadowed).toHaveLength(16)
    expect(originOf(merged, 'k')?.shadowed?.[0]).toMatchObject({ value: 98 })
  })
})

describe('module lists', () => {
  test('merge in any grouping to the same entries in the same order', () => {
    fc.assert(
      fc.property(entries, entries, entries, (a, b, c) => {
        expect(mergeModuleEntries(mergeModuleEntries(a, b), c)).toEqual(mergeModuleEntries(a, mergeModuleEntries(b, c)))
      }),
      { seed: SEED, numRuns: 150 },
    )
  })
})
