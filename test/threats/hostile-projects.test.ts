import { expect, test } from 'vitest'
import { buildMountPlan, loadBundle, loadSettings } from '../../src/config/index.js'
import { createHost } from '../../src/host/index.js'
import { createModule } from '../../src/index.js'
import { startTwin } from '../../src/twin/index.js'

interface Outcome { projects: number; mounted: number; refused: number; findings: number; connections: number; ran: number; leaked: number; faults: string[] }
interface Runner { runHostileProjects(code: object, options: { seed: number; count: number; from?: number; strip?: boolean; includes?: boolean }): Promise<Outcome> }

const { runHostileProjects } = (await import(new URL('../support/hostile-projects.mjs', import.meta.url).href)) as Runner
const code = { buildMountPlan, loadBundle, loadSettings, createHost, createModule, startTwin }
const seed = Number(process.env['TEST_SEED'] ?? 20261121)
const count = Number(process.env['PROJECTS'] ?? 60)
console.info(`hostile-projects.test.ts: seed ${seed}, ${count} projects (set TEST_SEED and PROJECTS to repeat; test/soak/hostile-projects.mjs runs 2,000)`)

test('no project reaches its server, runs its code or reads what lies outside its folder', async () => {
  const outcome = await runHostileProjects(code, { seed, count })
  console.info(JSON.stringify({ ...outcome, faults: undefined }))
  expect(outcome.faults.slice(0, 3).join('\n\n')).toBe('')
  expect(outcome).toMatchObject({ projects: count, connections: 0, ran: 0, leaked: 0 })
  // They are refused one by one, not all together by something that keeps everybody out.
  expect(outcome.refused).toBeGreaterThan(count / 2)
  expect(outcome.mounted).toBeGreaterThan(count / 10)
}, 120_000)

test('without the origins the same projects do reach it: the test can fail', async () => {
  const outcome = await runHostileProjects(code, { seed: 20261121, count: 20, strip: true })
  expect(outcome.connections).toBeGreaterThan(0)
  expect(outcome.ran).toBeGreaterThan(0)
}, 120_000)
