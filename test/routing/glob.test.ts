import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { matchesGlob } from '../../src/routing/index.js'
import { readFixture } from './support.js'
import { measureCpu } from '../documents/support.js'
import { cases, SEED } from '../support/made-up.js'

/** fnmatch in its plainest form: recursion over code points, sets read as Python reads them. */
function referenceMatch(pattern: readonly string[], name: readonly string[]): boolean {
  const [head, ...rest] = pattern
  if (head === undefined) return name.length === 0
  if (head === '*') return referenceMatch(rest, name) || (name.length > 0 && referenceMatch(pattern, name.slice(1)))
  if (name[0] === undefined) return false
  if (head === '?') return referenceMatch(rest, name.slice(1))
  const end = head === '[' ? rest.indexOf(']', rest[0] === '!' ? 2 : 1) : -1
  if (end < 0) return head === name[0] && referenceMatch(rest, name.slice(1))
  const negated = rest[0] === '!'
  const body = rest.slice(negated ? 1 : 0, end)
  let member = false
  for (let at = 0; at < body.length; at += 1) {
    const low = body[at]!
    const high = body[at + 1] === '-' ? body[at + 2] : undefined
    if (high !== undefined) at += 2
    const code = name[0].codePointAt(0)!
    member ||= high === undefined ? low === name[0] : low.codePointAt(0)! <= code && code <= high.codePointAt(0)!
  }
  return member !== negated && referenceMatch(rest.slice(end + 1), name.slice(1))
}

describe('matchesGlob', () => {
  test('answers as Python’s fnmatch does on 2,400 patterns', () => {
    const cases = readFixture('fnmatch.json') as [string, string, boolean][]
    const different = cases.filter(([pattern, name, expected]) => matchesGlob(pattern, name) !== expected)
    expect(different).toEqual([])
    expect(cases.length).toBe(2_400)
  })

  test('answers as a plain recursive fnmatch does on random patterns', () => {
    const piece = fc.constantFrom('*', '?', '[', ']', '!', '-', '^', '\\', '{', ',', '}', 'a', 'b', 'c', 'z', '5', '9', '.', '/', 'ü', '😀')
    const text = fc.array(piece, { maxLength: 9 }).map((pieces) => pieces.join(''))
    fc.assert(
      fc.property(text, text, (pattern, name) => matchesGlob(pattern, name) === referenceMatch([...pattern], [...name])),
      { seed: SEED, numRuns: cases(20_000) },
    )
  })

  test.each([
    ['*', '.hidden/model'],
    ['gpt-?', 'gpt-😀'],
    ['GPT-5.5', 'gpt-5.5'],
    ['gpt-[5', 'gpt-[5'],
    ['[!!]', 'a'],
    ['[]]', ']'],
    ['{a,b}', '{a,b}'],
    ['\\*', '\\x'],
    ['', ''],
    ['**', ''],
  ])('%j takes %j', (pattern, name) => {
    expect(matchesGlob(pattern, name)).toBe(true)
  })

  test.each([
    ['gpt-?', 'gpt-'],
    ['gpt-[!5]*', 'gpt-5.5'],
    ['gpt-{5,6}', 'gpt-5'],
    ['[c-a]', 'b'],
    ['!gpt*', 'claude'],
    ['', 'a'],
  ])('%j does not take %j', (pattern, name) => {
    expect(matchesGlob(pattern, name)).toBe(false)
  })

  test('a pattern made to explode is answered in milliseconds', async () => {
    const { value, cpuMs } = await measureCpu(() => matchesGlob('*a'.repeat(60) + 'b', 'a'.repeat(5_000)))
    expect(value).toBe(false)
    expect(cpuMs).toBeLessThan(1500)
  })
})
