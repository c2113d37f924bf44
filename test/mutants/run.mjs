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

/** Whether the test passes in the copy; a test that is not found has not passed. */
function passes({ spec, test }) {
  const report = join(copy, 'report.json')
  rmSync(report, { force: true })
  spawnSync(process.execPath, [join(root, 'node_modules', 'vitest', 'vitest.mjs'), 'run', spec, '-t', test, '--reporter', 'json', '--outputFile', report], { cwd: copy, timeout: LIMIT_MS, stdio: 'ignore' })
  try {
    const { numPassedTests, numFailedTests } = JSON.parse(readFileSync(report, 'utf8'))
    return numPassedTests > 0 && numFailedTests === 0
  } catch {
    return false
  }
}

let living = 0
try {
  for (const name of ['src', 'test', 'routing', 'schemas', 'package.json', 'tsconfig.json', 'vitest.config.ts']) cpSync(join(root, name), join(copy, name), { recursive: true })
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'), 'junction')
  for (const mutant of MUTANTS.filter(({ name }) => name.includes(only))) {
    const path = join(copy, mutant.file)
    const text = readFileSync(path, 'utf8')
    if (text.split(mutant.find).length !== 2) throw new Error(`${mutant.file} has no one place for: ${mutant.name}`)
    const sound = passes(mutant)
    writeFileSync(path, text.replace(mutant.find, () => mutant.replace))
    const dead = sound && !passes(mutant)
    writeFileSync(path, text)
    if (!dead) living++
    console.log(`${dead ? 'dead ' : sound ? 'LIVES' : 'BROKEN (its test fails without it too)'}  ${mutant.name}`)
  }
} finally {
  rmSync(copy, { recursive: true, force: true })
}
process.exitCode = living === 0 ? 0 : 1
