/**
 * `npm run mutants [-- part of a name]`: makes each change of mutants.mjs in a copy of its own and expects the named
 * test to fail on it, and to pass without it. The sources themselves are never touched. Ends with 1 where a mutant lives.
 */
import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { MUTANTS } from './mutants.mjs'

const LIMIT_MS = 300_000
const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..')
const copy = mkdtempSync(join(tmpdir(), 'mutants-'))
const only = process.argv[2] ?? ''

/** A process of its own for the file, and time enough on a busy machine: a mutant dies of an assertion, not of the clock. */
const CONFIG = `import { defineConfig } from 'vitest/config'
export default defineConfig({ test: { pool: 'forks', poolOptions: { forks: { minForks: 1, maxForks: 1 } }, testTimeout: 120_000, hookTimeout: 120_000 } })
`

/** What keeps the test from passing in the copy, undefined where it passes; a test that is not found has not passed. */
function failureOf({ spec, test }) {
  const report = join(copy, 'report.json')
  rmSync(report, { force: true })
  spawnSync(process.execPath, [join(root, 'node_modules', 'vitest', 'vitest.mjs'), 'run', spec, '-t', test, '--config', 'vitest.mutants.config.ts', '--reporter', 'json', '--outputFile', report], { cwd: copy, timeout: LIMIT_MS, stdio: 'ignore' })
  try {
    const { numPassedTests, testResults } = JSON.parse(readFileSync(report, 'utf8'))
    const failed = testResults.flatMap(({ message, assertionResults }) => [message, ...assertionResults.flatMap(({ failureMessages }) => failureMessages ?? [])]).find(Boolean)
    return failed?.split('\n')[0] ?? (numPassedTests > 0 ? undefined : 'no such test')
  } catch {
    return `no report within ${LIMIT_MS / 1000} s`
  }
}

let living = 0
try {
  for (const name of ['src', 'test', 'routing', 'schemas', 'package.json', 'tsconfig.json', 'vitest.config.ts']) cpSync(join(root, name), join(copy, name), { recursive: true })
  writeFileSync(join(copy, 'vitest.mutants.config.ts'), CONFIG)
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'), 'junction')
  for (const mutant of MUTANTS.filter(({ name }) => name.includes(only))) {
    const path = join(copy, mutant.file)
    const text = readFileSync(path, 'utf8')
    if (text.split(mutant.find).length !== 2) throw new Error(`${mutant.file} has no one place for: ${mutant.name}`)
    // Tried again where it fails without the change: once may be chance.
    const broken = failureOf(mutant) && failureOf(mutant)
    writeFileSync(path, text.replace(mutant.find, () => mutant.replace))
    const cause = broken ?? failureOf(mutant)
    writeFileSync(path, text)
    const dead = broken === undefined && cause !== undefined
    if (!dead) living++
    console.log(`${dead ? 'dead ' : broken ? 'BROKEN (its test fails without it too)' : 'LIVES'}  ${mutant.name}${cause === undefined ? '' : `: ${cause}`}`)
  }
} finally {
  rmSync(copy, { recursive: true, force: true })
}
process.exitCode = living === 0 ? 0 : 1
