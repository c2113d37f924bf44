import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { MatrixRoles } from '../../src/routing/index.js'
import { failingProvider, listingProvider, resolverOf } from './support.js'
import { SEED } from '../support/made-up.js'

const version = fc.constantFrom('5', '5.4', '5.5', '5.10', '6', '6.1', '10.1', '[0-9]', '?', '?.?', '*')
const family = fc.constantFrom('', '-sol', '-luna', '-mini', '-codex', '-pro', '-fast', '-*', '[!a]', '-{a,b}', '-20260305')
const name = fc.tuple(fc.constantFrom('gpt-', 'gpt-', 'gpt-', 'GPT-', 'o', '*', '[', 'a*b?'), version, family).map((pieces) => pieces.join(''))
// Lists hold mostly plain names; a name with glob characters in it must not be able to leave either.
const providerWord = fc.constantFrom('a', 'b', 'provider-b', 'c')
const matrixArb = fc.array(
  fc.array(fc.record({ provider: providerWord, model: name }), { maxLength: 4 }), { minLength: 1, maxLength: 3 },
)
const listArb = fc.oneof(
  { weight: 5, arbitrary: fc.record({ ids: fc.array(name, { maxLength: 12 }), source: fc.constant('live') }) },
  { weight: 1, arbitrary: fc.record({ ids: fc.array(name, { maxLength: 3 }), source: fc.constant('fallback') }) },
  { weight: 1, arbitrary: fc.constant(undefined) },
)
const exhaustedArb = fc.array(name, { maxLength: 3 })

describe('a verified route', () => {
  test('never carries a glob character, nor a name that a known catalog doesn’t have: 10,000 random cases', { timeout: 90_000 }, async () => {
    let served = 0
    await fc.assert(
      fc.asyncProperty(matrixArb, listArb, listArb, exhaustedArb, async (lists, first, second, exhausted) => {
        const matrix: MatrixRoles = Object.fromEntries(lists.map((candidates, at) => [`role-${at}`, { candidates }]))
        const catalogs = { a: first, 'provider-b': second }
        const providers = Object.fromEntries(
          Object.entries(catalogs).map(([key, list]) => [key, list === undefined ? failingProvider() : listingProvider(list.ids, list.source)]))
        const options = {
          verify: 'catalog' as const,
          exhaustedUntil: (_: string, model: string) => (exhausted.includes(model) ? 1_900_000_000_000 : undefined),
        }
        const roles = Object.keys(matrix)
        const resolver = resolverOf(matrix, providers, options)
        const answer = await resolver.resolve(roles)
        const chain = (await resolver.explain(roles)).candidates
        // Plain comparisons: 40,000 expect() calls would take most of the time.
        const taken = chain.find(({ status }) => status === 'live' || status === 'unverified')
        const [found] = answer
        if (answer.length > 1) throw new Error('more than one answer')
        if (found?.model !== taken?.resolved_model || found?.provider !== taken?.mounted_as) throw new Error('the chain says otherwise')
        if (found === undefined) return
        served += 1
        if (/[*?[]/.test(found.model)) throw new Error(`a glob left: ${found.model}`)
        if (exhausted.includes(found.model)) throw new Error(`exhausted: ${found.model}`)
        const catalog = catalogs[found.provider as keyof typeof catalogs]
        if (catalog?.source === 'live' && !catalog.ids.includes(found.model)) throw new Error(`not in the catalog: ${found.model}`)
      }),
      { seed: SEED, numRuns: 10_000 },
    )
    process.stdout.write(`verified routes: ${served} of 10,000 were served\n`)
    expect(served).toBeGreaterThan(1_000)
  })
})
