import { describe, expect, test } from 'vitest'
import { composeMatrix, originOf, validateMatrix, type RoutingOverrides } from '../../src/routing/index.js'
import { candidate, role } from './support.js'

const matrix = validateMatrix(
  { name: 'm', roles: { general: role(candidate('a'), candidate('b')), fast: role(candidate('c')) } },
  { file: 'm.yaml', locate: (path) => ({ line: path.length * 10, column: 1 }) },
)

describe('composeMatrix', () => {
  test('an override replaces the whole entry, in both shapes', () => {
    const composed = composeMatrix(matrix.roles, { fast: [candidate('x')], general: { candidates: [candidate('y')] } })
    expect(composed).toStrictEqual({ general: { candidates: [candidate('y')] }, fast: { candidates: [candidate('x')] } })
  })

  test('base stands for the matrix’s own candidates, and for nothing where a role is new', () => {
    const composed = composeMatrix(matrix.roles, { general: [candidate('x'), 'base'], mine: ['base', candidate('y')] })
    expect(composed['general']!.candidates.map(({ model }) => model)).toEqual(['x', 'a', 'b'])
    expect(composed['mine']!.candidates.map(({ model }) => model)).toEqual(['y'])
    expect(Object.keys(composed)).toEqual(['general', 'fast', 'mine'])
  })

  test('every part knows where it was written and what it put out of force', () => {
    const composed = composeMatrix(matrix.roles, { general: [candidate('x'), 'base'] }, {
      source: '~/.amplifier/settings.yaml',
      originOf: (_, place) => ({ file: '/home/me/.amplifier/settings.yaml', line: place === undefined ? 7 : 8 + place }),
    })
    const source = '~/.amplifier/settings.yaml'
    const file = '/home/me/.amplifier/settings.yaml'
    expect(originOf(composed['general']!)).toMatchObject({ source, file, line: 7, shadows: { file: 'm.yaml', line: 20, source: 'matrix' } })
    expect(composed['general']!.candidates.map((part) => originOf(part))).toMatchObject([
      { source, file, line: 8 }, { source: 'matrix', file: 'm.yaml', line: 40 }, { source: 'matrix', file: 'm.yaml', line: 40 },
    ])
    expect(originOf(composed['fast']!)).toMatchObject({ source: 'matrix', file: 'm.yaml' })
  })

  test.each<[string, unknown, string]>([
    ['a text', 'gpt-5.5', "Role 'fast': an override is a list of candidates or {description, candidates: [...]}"],
    ['nothing', null, "Role 'fast': an override is a list of candidates or {description, candidates: [...]}"],
    ['no candidates', { description: 'x' }, "Role 'fast': an override is a list of candidates or {description, candidates: [...]}"],
    ['a bare name', ['gpt-5.5'], "Role 'fast': candidate 1 must be {provider, model, config?} or the word base"],
    ['a wrong config', ['base', { provider: 'a', model: 'b', config: 5 }], "Role 'fast': candidate 2 must be {provider, model, config?} or the word base"],
    ['a wrong description', { description: 5, candidates: [] }, "Role 'fast': description must be a text"],
  ])('refuses %s, naming role, file and line', (_, override, message) => {
    const overrides = { fast: override } as unknown as RoutingOverrides
    expect(() => composeMatrix(matrix.roles, overrides)).toThrow(expect.objectContaining({ name: 'ConfigurationError', message: `${message} [routing_overrides]` }))
    expect(() => composeMatrix(matrix.roles, overrides, { originOf: () => ({ file: 's.yaml', line: 3, column: 5 }) })).toThrow(`s.yaml:3:5: ${message} [routing_overrides]`)
  })
})
