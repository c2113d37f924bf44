import base from './vitest.config.js'
const b = base as any
for (const p of b.test.projects) p.test.setupFiles = ['/tmp/cpu-setup.ts']
if (process.env['FORKS']) b.test.poolOptions.forks = { isolate: false, minForks: Number(process.env['FORKS']), maxForks: Number(process.env['FORKS']) }
export default b
