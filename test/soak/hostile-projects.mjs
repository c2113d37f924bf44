/**
 * The hostile projects of test/threats by the thousand: `node test/soak/hostile-projects.mjs [PROJECTS] [SEED]`.
 * Ends with 1 where one of them got anywhere.
 */
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build } from 'esbuild'
import { runHostileProjects } from '../support/hostile-projects.mjs'

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..')
const cache = join(root, 'node_modules', '.cache')
await mkdir(cache, { recursive: true })
// Two folders below the root, where the routing files are looked for.
const folder = await mkdtemp(join(cache, 'hostile-'))
await build({
  bundle: true, platform: 'node', format: 'esm', target: 'node20', logLevel: 'error', packages: 'external', outfile: join(folder, 'code.mjs'),
  stdin: {
    resolveDir: root, loader: 'ts',
    contents: "export * from './src/config/index.js'\nexport { createHost } from './src/host/index.js'\nexport { createModule } from './src/index.js'\nexport { startTwin } from './src/twin/index.js'\n",
  },
})
const count = Number(process.argv[2] ?? 2000)
const seed = Number(process.argv[3] ?? Date.now() % 2 ** 31)
const began = performance.now()
console.log(`seed ${seed}, ${count} projects`)
const { faults, ...figures } = await runHostileProjects(await import(pathToFileURL(join(folder, 'code.mjs')).href), { seed, count, includes: process.env['INCLUDES'] !== '0' })
await rm(folder, { recursive: true, force: true })
const cpu = process.cpuUsage()
console.log(JSON.stringify(figures), `in ${((performance.now() - began) / 1000).toFixed(0)} s, ${((cpu.user + cpu.system) / 1e6).toFixed(0)} s of CPU`)
for (const fault of faults.slice(0, 5)) console.error(fault)
process.exitCode = faults.length === 0 ? 0 : 1
