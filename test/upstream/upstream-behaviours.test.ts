/**
 * What the tests of the Python module of the same name hold, tried on ours: each of its 351 tests by its name, as same or as
 * otherwise on purpose, which docs/upstream.md says. Where its list is at hand nothing of it may be left out.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { ANSWERS } from './answers.js'
import { ELSEWHERE, MISSING, PYTHONS_OWN } from './elsewhere.js'
import { STANDING } from './standing.js'
import { WIRE } from './wire.js'

const TRIALS = [...WIRE, ...ANSWERS, ...STANDING, ...ELSEWHERE]
const ROOT = join(import.meta.dirname, '..', '..')
const LIST = join(ROOT, '..', 'shared', 'upstream-behaviours.md')

const nameAll = (file: string, tests: string) => tests.split(' ').map((name) => `${file}: ${name}`)
const judged = {
  same: TRIALS.filter(({ verdict }) => verdict === 'same').flatMap(({ file, tests }) => nameAll(file, tests)),
  otherwise: TRIALS.filter(({ verdict }) => verdict === 'otherwise').flatMap(({ file, tests }) => nameAll(file, tests)),
  pythons: Object.entries(PYTHONS_OWN).flatMap(([file, tests]) => nameAll(file, tests)),
  missing: Object.entries(MISSING).flatMap(([file, tests]) => nameAll(file, tests)),
}

describe('a behaviour of the Python module', () => {
  test.each(TRIALS.map((trial) => [trial.verdict, trial.file, trial.tests, trial] as const))('%s, test_%s: %s', async (_verdict, _file, _tests, { show }) => {
    await show()
    expect.hasAssertions()
  })
})

test('the page counts what is judged here', () => {
  const page = readFileSync(join(ROOT, 'docs', 'upstream.md'), 'utf8').replace(/\s+/g, ' ')
  const { same, otherwise, pythons, missing } = judged
  expect(page).toContain(`Of its 351 tests in 14 files ${same.length} hold here too (226 of version 0.1.0), ${otherwise.length} are otherwise on purpose, ${pythons.length} speak of Python's own objects, ${missing.length} are missing`)
})

if (!existsSync(LIST)) process.stderr.write(`skipped: the list of the Python module's tests is not at ${LIST}\n`)
test.skipIf(!existsSync(LIST))('every test of its list is judged, and once', () => {
  const listed: string[] = []
  let file = ''
  for (const line of readFileSync(LIST, 'utf8').split('\n')) {
    file = /^## test_(\w+)\.py/.exec(line)?.[1] ?? file
    const name = /^\| test_(\w+)/.exec(line)?.[1]
    if (name !== undefined && !line.startsWith(`| test_${name}.py`)) listed.push(`${file}: ${name}`)
  }
  expect(Object.values(judged).flat().sort()).toEqual(listed.sort())
})
