/**
 * `npm run mutation [-- --seed 1 --windows 24 --folders routing --only rank --tests 'test/routing/rank*.test.ts' --modules DIR]`: a mutation run
 * with Stryker over stretches of the sources that a seed picks, in a copy of its own; prints the score and each change that
 * lived. Each change runs all tests that import its file, so few `--tests` beside it make it quick. Stryker is no dependency of the project: it is installed beside the copy's own packages, or found in DIR.
 */
import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { createRandom } from '../soak/seeded.mjs'

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..')
const { values } = parseArgs({ options: {
  seed: { type: 'string', default: String(Date.now() % 1_000_000) },
  windows: { type: 'string', default: '24' },
  folders: { type: 'string', default: 'provider,responses,auth,routing' },
  only: { type: 'string', default: '' },
  tests: { type: 'string', multiple: true },
  modules: { type: 'string' },
} })
const folders = values.folders.split(',')
/** Lines of one stretch. */
const WINDOW = 30

function pickWindows(count, { below }) {
  const all = folders.flatMap((folder) => readdirSync(join(root, 'src', folder)).filter((name) => name.endsWith('.ts') && name !== 'index.ts' && new RegExp(values.only).test(name)).flatMap((name) => {
    const path = `src/${folder}/${name}`
    const lines = readFileSync(join(root, path), 'utf8').split('\n').length - 1
    return Array.from({ length: Math.ceil(lines / WINDOW) }, (_, at) => `${path}:${at * WINDOW + 1}-${Math.min(lines, (at + 1) * WINDOW)}`)
  }))
  return Array.from({ length: Math.min(count, all.length) }, () => all.splice(below(all.length), 1)[0]).sort()
}

const copy = mkdtempSync(join(tmpdir(), 'mutation-'))
try {
  for (const name of ['src', 'test', 'routing', 'schemas', 'page', 'package.json', 'package-lock.json', 'tsconfig.json', 'tsconfig.test.json', 'vitest.config.ts', 'build.config.mjs']) cpSync(join(root, name), join(copy, name), { recursive: true })
  const run = (command, ...words) => spawnSync(command, words, { cwd: copy, stdio: 'inherit' })
  if (values.modules) symlinkSync(values.modules, join(copy, 'node_modules'), 'junction')
  else {
    run('npm', 'ci', '--no-audit', '--no-fund', '--silent')
    run('npm', 'install', '--no-save', '--no-audit', '--no-fund', '--silent', '@stryker-mutator/core', '@stryker-mutator/vitest-runner')
  }
  const mutate = pickWindows(Number(values.windows), createRandom(values.seed, 'windows'))
  console.log(`seed ${values.seed}:\n${mutate.join('\n')}`)
  const include = values.tests ?? folders.map((folder) => `test/${folder}/**/*.test.ts`)
  writeFileSync(join(copy, 'vitest.mutation.config.ts'), `import { defineConfig } from 'vitest/config'\nexport default defineConfig({ test: { include: ${JSON.stringify(include)}, testTimeout: 120_000, hookTimeout: 120_000 } })\n`)
  writeFileSync(join(copy, 'stryker.config.json'), JSON.stringify({
    testRunner: 'vitest', vitest: { configFile: 'vitest.mutation.config.ts', related: true }, plugins: ['@stryker-mutator/vitest-runner'],
    mutate, coverageAnalysis: 'perTest', ignoreStatic: true, concurrency: 2, timeoutMS: 60_000, dryRunTimeoutMinutes: 30,
    reporters: ['clear-text', 'progress-append-only'], clearTextReporter: { allowColor: false, logTests: false, reportScoreTable: true }, symlinkNodeModules: true,
  }))
  process.exitCode = run(process.execPath, join(copy, 'node_modules', '@stryker-mutator', 'core', 'bin', 'stryker.js'), 'run').status ?? 1
} finally {
  rmSync(copy, { recursive: true, force: true })
}
