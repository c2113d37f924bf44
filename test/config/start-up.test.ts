import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const index = fileURLToPath(new URL('../../src/config/index.ts', import.meta.url))

/** Everything that importing `file` loads: its static imports, those for types left out. */
function listImports(file: string, seen = new Set<string>()): Set<string> {
  if (seen.has(file)) return seen
  seen.add(file)
  for (const [, type, name = ''] of readFileSync(file, 'utf8').matchAll(/^(?:import|export) (type )?[^;'"]*? from '([^']+)'/gm)) {
    if (type) continue
    if (!name.startsWith('.')) seen.add(name)
    else listImports(join(dirname(file), name.replace(/\.js$/, '.ts')), seen)
  }
  return seen
}

test('importing config/ loads no parser and no bundle validator', () => {
  const loaded = [...listImports(index)]
  expect(loaded.filter((name) => !name.includes('config') && !name.startsWith('node:') && /^[a-z]/.test(name))).toEqual(['fastest-levenshtein'])
  expect(loaded.some((name) => name.endsWith(join('generated', 'bundle.ts')))).toBe(false)
  expect(loaded.some((name) => name.endsWith(join('generated', 'provider-config.ts')))).toBe(true)
})

test('the compiled validators need nothing at run time', () => {
  for (const name of ['provider-config', 'bundle']) {
    const code = readFileSync(join(dirname(index), 'generated', `${name}.ts`), 'utf8')
    expect(code).not.toMatch(/\brequire\(|^import /m)
  }
})
