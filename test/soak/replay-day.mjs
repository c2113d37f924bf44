/**
 * Is a replay's prediction true? A seeded day of agents is recorded under the package's own matrix, replayed under a
 * cheaper one, and then really run under that one: the prediction has to be within 5 percent in tokens and windows.
 * `--decimals 0`: the windows are told in whole percents. `--fill 4`: they hold a quarter, so that the first is full before
 * the day is over; what was served until then is compared.
 *
 *   node test/soak/replay-day.mjs [--calls 2000] [--agents 12] [--seed 1] [--decimals 2] [--fill 1] [--json]
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { compareDays } from './agents-day.mjs'
import { option } from './auth-support.mjs'

const TOLERANCE_PERCENT = 5
const root = fileURLToPath(new URL('../..', import.meta.url))
const day = { seed: option('seed', Math.floor(Date.now() % 1_000_000)), agents: option('agents', 12), calls: option('calls', 2000), decimals: option('decimals', 2), fill: option('fill', 1) }
const json = option('json', false)

async function loadRooms() {
  const folder = await mkdtemp(join(root, 'node_modules', '.soak-'))
  try {
    await build({
      bundle: true, platform: 'node', format: 'esm', target: 'node20', logLevel: 'error', packages: 'external', outfile: join(folder, 'rooms.mjs'),
      stdin: {
        resolveDir: root, loader: 'ts',
        contents: [
          "export { startTwin } from './src/twin/index.js'", "export { mountOnHost } from './src/mount-on-host.js'",
          "export { openCallRecorder } from './src/cli/record-calls.js'",
          "export { composeEffectiveMatrix, loadMatrix, readRecording, replayRecording } from './src/routing/index.js'",
        ].join('\n'),
      },
    })
    return await import(join(folder, 'rooms.mjs'))
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

const startedMs = performance.now()
const fixture = (name) => join(root, 'test', 'fixtures', 'routing', name)
const { rows, predicted, recordedPercent, calls } = await compareDays(await loadRooms(), { ...day, from: join(root, 'routing', 'openai-chatgpt.yaml'), to: fixture('frugal.yaml') })
const right = rows.every(([, , , difference]) => Math.abs(difference) <= TOLERANCE_PERCENT)
if (json) process.stdout.write(`${JSON.stringify({ ...day, right, rows, predicted })}\n`)
else {
  process.stdout.write(`${calls} of ${day.calls} calls of ${day.agents} agents, first window at ${recordedPercent.primary.toFixed(1)} %, seed ${day.seed}, ${Math.round((performance.now() - startedMs) / 1000)} s\n`)
  const cells = rows.map(([name, guess, truth, difference]) => [name, guess.toFixed(2), truth.toFixed(2), `${difference.toFixed(2)} %`])
  const errors = predicted.total.predicted
  process.stdout.write(`told error of the windows: ${errors.percent.map((percent, place) => `${(100 * errors.percent_error[place] / percent).toFixed(1)} %`).join(', ')}\n`)
  for (const [name, ...figures] of [['measure', 'predicted', 'measured', 'difference'], ...cells]) process.stdout.write(`${name.padEnd(20)}${figures.map((figure) => figure.padStart(14)).join('')}\n`)
}
process.exitCode = right ? 0 : 1
