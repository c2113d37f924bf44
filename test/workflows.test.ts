import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'

const folder = new URL('../.github/workflows/', import.meta.url)
const { engines, scripts } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { engines: { node: string }; scripts: Record<string, string> }

interface Step { uses?: string; run?: string }
interface Workflow { on: unknown; permissions: unknown; jobs: Record<string, { steps: Step[]; strategy?: { matrix: Record<string, string[]> } }> }

const workflows = readdirSync(folder).map((name) => {
  const text = readFileSync(new URL(name, folder), 'utf8')
  return { name, text, workflow: parse(text) as Workflow }
})

const actionlint = ['actionlint', join(homedir(), 'go', 'bin', 'actionlint')].find((command) => spawnSync(command, ['-version']).status === 0)
if (actionlint === undefined) process.stdout.write('skipped: there is no actionlint (go install github.com/rhysd/actionlint/cmd/actionlint@v1.7.12)\n')

test.runIf(actionlint !== undefined)('actionlint finds nothing in any of them', () => {
  const files = workflows.map(({ name }) => fileURLToPath(new URL(name, folder)))
  // What shellcheck says depends on whether and which one is there.
  const { status, stdout } = spawnSync(String(actionlint), ['-shellcheck=', '-pyflakes=', ...files], { encoding: 'utf8' })
  expect([status, stdout]).toEqual([0, ''])
})

describe.each(workflows)('$name', ({ text, workflow }) => {
  const steps = Object.values(workflow.jobs).flatMap((job) => job.steps)

  test('may read the repository and nothing else, but where a job says so', () => {
    expect(workflow.permissions).toEqual({ contents: 'read' })
  })

  test('pins every action by hash, or says that it could not', () => {
    for (const line of text.split('\n').filter((one) => /uses:/.test(one))) {
      if (!line.includes('github/codeql-action/')) expect(line).toMatch(/@[0-9a-f]{40} # v\d/)
    }
    if (text.includes('codeql-action')) expect(text).toContain('# By version:')
  })

  test('runs only scripts that package.json has', () => {
    for (const { run = '' } of steps) {
      for (const [, name = ''] of run.matchAll(/npm run (\w[\w:-]*)/g)) expect(Object.keys(scripts)).toContain(name)
    }
  })
})

test('the lowest Node of package.json is among those that are tested', () => {
  const matrix = workflows.find(({ name }) => name === 'test.yml')?.workflow.jobs['test']?.strategy?.matrix
  expect(matrix?.['node']).toContain(engines.node.replace('>=', ''))
})
