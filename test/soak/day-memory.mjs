/**
 * Does what watches the calls keep its size? A seeded day of 12 agents in fast time: every call passes the live board, the totals on disk,
 * the quota's samples and admission by forecast, while a page is told of it; live memory after each hour. With `--browser` a headless
 * Chromium has the page open, by its stream of events, and renders every minute of the day too: its memory and its nodes.
 * node --expose-gc test/soak/day-memory.mjs [--hours 24] [--seed N] [--browser]
 */
import { createServer } from 'node:http'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { chromium } from 'playwright-core'
import { option } from './auth-support.mjs'
import { createRandom } from './seeded.mjs'

const root = fileURLToPath(new URL('../..', import.meta.url))
const bundle = await mkdtemp(join(root, 'node_modules', '.soak-'))
await build({
  bundle: true, platform: 'node', format: 'esm', target: 'node20', logLevel: 'error', packages: 'external', outfile: join(bundle, 'rooms.mjs'),
  stdin: { resolveDir: root, loader: 'ts', contents: ["export { createQuota, createQuotaAdmission } from './src/account/index.js'", "export { createLiveBoard, createUsageRecorder, openUsageStore } from './src/usage/index.js'", "export { createPage } from './src/page/index.js'", "export { formatMetrics } from './src/page/format-metrics.js'"].join('\n') },
})
const { createLiveBoard, createPage, createQuota, createQuotaAdmission, createUsageRecorder, formatMetrics, openUsageStore } = await import(join(bundle, 'rooms.mjs'))
await rm(bundle, { recursive: true, force: true })
if (global.gc === undefined) throw new Error('node --expose-gc')

const [hours, seed] = [option('hours', 24), option('seed', Math.floor(Date.now() % 1e6))]
const random = createRandom(seed, 'day memory')
const clock = { ms: Date.UTC(2026, 10, 20) }
const now = () => clock.ms
const folder = await mkdtemp(join(tmpdir(), 'day-memory-'))
const path = join(folder, 'usage.db')
const warnings = []
const quota = createQuota({ now })
const admission = createQuotaAdmission({ quota, now })
const board = createLiveBoard({ now })
const recorder = createUsageRecorder({ open: () => openUsageStore(path), warn: (message) => warnings.push(message), now, saveDelayMs: 1 })
let told = 0
board.watch(() => { told += 1 })
const roles = ['coding', 'fast', 'general', 'critical-ops', 'research', '']
const live = () => {
  global.gc()
  global.gc()
  return process.memoryUsage().heapUsed / 1048576
}

const describe = () => Promise.resolve({
  signed_in: true, lane: 'codex', transport: { kind: 'sse', reason: 'configured' }, windows: quota.outlook({ samples: true }), concurrency: { limit: 6, running: 0, waiting: 0 },
  roles: roles.slice(0, 5).map((role) => ({ role, status: 'served', model: 'gpt-6.1-sol', candidates: [{ model: 'gpt-6.1-sol', status: 'live', detail: '' }] })),
})

/** The page in a browser; `size` answers its live memory in MB and its nodes. */
async function openBrowser() {
  const page = createPage({ board, describe, now })
  const server = createServer((request, response) => void page.answer(request, response, { admitted: false }))
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu'] })
  const shown = await browser.newPage()
  await shown.goto(`http://127.0.0.1:${server.address().port}/?once=${page.offer()}`)
  await shown.evaluate("import('/page/render.js').then(({ render }) => { window.renderNow = () => fetch('/page/state').then((answer) => answer.json()).then(render) })")
  const tools = await shown.context().newCDPSession(shown)
  await tools.send('Performance.enable')
  return {
    render: () => shown.evaluate('window.renderNow()'),
    async size() {
      await tools.send('HeapProfiler.collectGarbage')
      const { metrics } = await tools.send('Performance.getMetrics')
      const of = (name) => metrics.find((metric) => metric.name === name).value
      return { mb: of('JSHeapUsedSize') / 1048576, nodes: of('Nodes'), listeners: of('JSEventListeners') }
    },
    async close() {
      await browser.close()
      page.close()
      server.close()
    },
  }
}

const browser = process.argv.includes('--browser') ? await openBrowser() : undefined
const browserSizes = []
let used = 0
let calls = 0
const sizes = []
for (let hour = 0; hour < hours; hour += 1) {
  // A call of one of twelve agents every two and a half seconds.
  for (let call = 0; call < 1440; call += 1, calls += 1) {
    clock.ms += 2500
    const role = random.pick(roles)
    const essential = role === 'critical-ops'
    const verdict = admission.judge({ essential })
    const end = admission.begin({ essential, steppedDown: verdict.action === 'step_down' })
    used = (clock.ms / 3_600_000) % 5 < 0.001 ? 0 : Math.min(99, used + 0.01)
    quota.observeHeaders({ 'x-codex-primary-used-percent': used.toFixed(2), 'x-codex-primary-window-minutes': '300', 'x-codex-primary-reset-at': String(Math.floor(clock.ms / 1000 / 18_000 + 1) * 18_000) })
    const route = { requested_model: 'gpt-6.1-sol', resolved_model: 'gpt-6.1-sol', served_model: 'gpt-6.1-sol', provider: 'openai-chatgpt', role, lane: 'codex', attempts: [{}], transport_reason: '' }
    // Conversations come and go: their names are new all day.
    const observed = { id: `call-${calls}`, sessionId: `session-${Math.floor(calls / 40)}-0123456789abcdef_agent-${calls % 12}`, request: { messages: [] }, route }
    const watches = [board.begin(observed), recorder.begin(observed)]
    for (const watch of watches) for (const phase of ['queued', 'connecting', 'waiting', 'streaming']) watch.phase(phase)
    for (const watch of watches) watch.chunk()
    const usage = { input_tokens: 5000, cache_read_tokens: 4000, output_tokens: 100 + random.below(400), total_tokens: 5500 }
    for (const watch of watches) watch.ended(random.chance(0.02) ? { error: Object.assign(new Error(`failed ${calls}`), { name: 'NetworkError' }) } : { response: { content: [], usage } })
    end(usage.output_tokens)
    if (browser && call % 24 === 0) await browser.render()
    if (call % 240 === 0) {
      JSON.stringify(board.snapshot())
      formatMetrics({ board, windows: quota.outlook(), concurrency: { limit: 6, running: 0, waiting: 0 } })
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  }
  sizes.push(live())
  if (browser) browserSizes.push(await browser.size())
}
await browser?.close()
await recorder.close()
const store = await openUsageStore(path)
const [{ calls: kept }] = store.totals()
store.close()
const { size } = await stat(path)
const [early, late] = [sizes[Math.min(2, sizes.length - 1)], sizes.at(-1)]
console.log(`seed ${seed}: ${hours} h, ${calls} calls, ${kept} kept (${(size / 1048576).toFixed(1)} MB on disk), ${told} changes told; live memory ${early.toFixed(2)} MB after 3 h, ${late.toFixed(2)} MB at the end, ${Math.max(...sizes).toFixed(2)} at most; ${warnings.length} warnings`)
await rm(folder, { recursive: true, force: true })
const [thirdHour, lastHour] = [browserSizes[Math.min(2, browserSizes.length - 1)], browserSizes.at(-1)]
const tellBrowser = ({ mb, nodes, listeners }) => `${mb.toFixed(2)} MB, ${nodes} nodes, ${listeners} listeners`
if (lastHour) console.log(`the page in a browser: ${tellBrowser(thirdHour)} after 3 h; ${tellBrowser(lastHour)} at the end`)
const browserIsFlat = !lastHour || (lastHour.mb < thirdHour.mb + 1 && lastHour.nodes < thirdHour.nodes * 1.5)
process.exitCode = browserIsFlat && kept === calls && late < early + 1 ? 0 : 1
