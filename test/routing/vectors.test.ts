import { describe, expect, test } from 'vitest'
import {
  composeMatrix, isGlob, matchesGlob, rankModels, resolveModelRole,
  type MatrixRoles, type MountPlanHolder, type RoutingOverrides,
} from '../../src/routing/index.js'
import { failingProvider, listingProvider, readFixture } from './support.js'

interface Vectors {
  resolve: {
    roles: string[]
    matrix: MatrixRoles
    providers: Record<string, { models: string[]; fail: boolean }>
    provider_specs: { module: string; id?: string; config?: Record<string, unknown> }[] | null
    expected: unknown[]
  }[]
  compose: { base: MatrixRoles; overrides: RoutingOverrides; expected: { ok?: unknown; error?: string } }[]
  glob: { pattern: string; models: string[]; is_glob: boolean; matches: string[] }[]
  order: { models: string[]; ranked: string[] }[]
}

const vectors = readFixture('vectors.json') as Vectors

describe('the reference implementation’s answers', () => {
  test(`${vectors.resolve.length} resolutions come out the same, key for key`, async () => {
    for (const { roles, matrix, providers, provider_specs, expected } of vectors.resolve) {
      const mounted = Object.fromEntries(
        Object.entries(providers).map(([name, { models, fail }]) => [name, fail ? failingProvider() : listingProvider(models)]))
      const coordinator: MountPlanHolder | undefined =
        provider_specs === null ? undefined : { config: { providers: provider_specs } }
      expect(await resolveModelRole(roles, matrix, mounted, { ...(coordinator && { coordinator }) })).toStrictEqual(expected)
      expect(await resolveModelRole(roles, matrix, new Map(Object.entries(mounted)), { ...(coordinator && { coordinator }) })).toStrictEqual(expected)
    }
  })

  test(`${vectors.compose.length} compositions come out the same, the errors word for word`, () => {
    for (const { base, overrides, expected } of vectors.compose) {
      const before = structuredClone({ base, overrides })
      if (expected.error !== undefined) expect(() => composeMatrix(base, overrides)).toThrow(expect.objectContaining({ name: 'ConfigurationError', message: expected.error }))
      else {
        const composed = composeMatrix(base, overrides)
        expect(composed).toStrictEqual(expected.ok)
        expect(Object.keys(composed)).toEqual(Object.keys(expected.ok as object))
      }
      expect({ base, overrides }).toStrictEqual(before)
    }
  })

  test(`${vectors.glob.length} patterns match the same names`, () => {
    for (const { pattern, models, is_glob, matches } of vectors.glob) {
      expect([pattern, isGlob(pattern), models.filter((model) => matchesGlob(pattern, model))]).toEqual([pattern, is_glob, matches])
    }
  })

  test(`${vectors.order.length} lists rank the same`, () => {
    for (const { models, ranked } of vectors.order) expect(rankModels(models)).toEqual(ranked)
  })
})
