import { describe, expect, test } from 'vitest'
import { formatTable } from '../../src/cli/format-table.js'

const columns = [{ title: 'role' }, { title: 'count', align: 'right' as const }, { title: 'words' }]

describe('formatTable', () => {
  test('is as wide as its cells', () => {
    expect(formatTable(columns, [['fast', '12', 'a b'], ['coding', '3', 'c']])).toEqual([
      'role    count  words', '──────  ─────  ─────', 'fast       12  a b', 'coding      3  c',
    ])
  })

  test('the widest column gives way where there is less room, broken at spaces', () => {
    expect(formatTable(columns, [['fast', '12', 'one two three four']], { width: 24, indent: ' ' })).toEqual([
      ' role  count  words', ' ────  ─────  ──────────', ' fast     12  one two', '              three four',
    ])
  })

  test('a column gives way to its longest word before another one’s words are cut, and breaks behind a sign that joins words', () => {
    const wide = [['openai-chatgpt/gpt-[0-9]*-sol', 'unverified', 'reasoning_effort=high']]
    expect(formatTable([{ title: 'candidate' }, { title: 'verdict' }, { title: 'config' }], wide, { width: 46 }).slice(2)).toEqual([
      'openai-chatgpt/  unverified  reasoning_effort=', 'gpt-[0-9]*-sol               high',
    ])
  })

  test('a word wider than its column is cut into pieces, never lost', () => {
    expect(formatTable([{ title: 'w' }], [['abcdefghijkl']], { width: 8 }).slice(2)).toEqual(['abcdefgh', 'ijkl'])
  })

  test('a colour ends with its line and goes on in the next', () => {
    expect(formatTable([{ title: 'w' }], [['\u001b[32mabcdefgh ijkl\u001b[39m x']], { width: 8 }).slice(2)).toEqual([
      '\u001b[32mabcdefgh\u001b[0m', '\u001b[32mijkl\u001b[39m x',
    ])
  })
})
