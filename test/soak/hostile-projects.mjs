/**
 * The hostile projects of test/threats by the thousand, against the built package: after `npm run build`,
 * `node test/soak/hostile-projects.mjs [PROJECTS] [SEED]`. Ends with 1 where one of them got anywhere.
 */
import { buildMountPlan, loadBundle, loadSettings } from '../../dist/config/index.js'
import { createHost } from '../../dist/host/index.js'
import { createModule } from '../../dist/index.js'
import { startTwin } from '../../dist/twin/index.js'
import { runHostileProjects } from '../support/hostile-projects.mjs'

const count = Number(process.argv[2] ?? 2000)
const seed = Number(process.argv[3] ?? Date.now() % 2 ** 31)
const began = performance.now()
console.log(`seed ${seed}, ${count} projects`)
const { faults, ...figures } = await runHostileProjects({ buildMountPlan, loadBundle, loadSettings, createHost, createModule, startTwin }, { seed, count })
console.log(JSON.stringify(figures), `in ${((performance.now() - began) / 1000).toFixed(0)} s, ${(process.cpuUsage().user / 1e6 + process.cpuUsage().system / 1e6).toFixed(0)} s of CPU`)
for (const fault of faults.slice(0, 5)) console.error(fault)
process.exitCode = faults.length === 0 ? 0 : 1
