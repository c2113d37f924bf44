/**
 * Published clients against `serve --http`: what each answers, and what the backend saw of it beside the same client
 * talking to the backend itself. `node test/clients/run.mjs [NAME]` after `npm run build`; installs them on the first run (1 GB).
 */
import { execFile, execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describeTurn, serve } from './serve.mjs'

const here = fileURLToPath(new URL('.', import.meta.url))
const bin = (name) => join(here, 'node_modules', '.bin', name)
const python = join(here, '.venv', 'bin', 'python')
const run = promisify(execFile)

function install() {
  if (!existsSync(join(here, 'node_modules'))) execFileSync('npm', ['ci', '--no-audit', '--no-fund'], { cwd: here, stdio: 'inherit' })
  if (existsSync(python)) return
  execFileSync('python3', ['-m', 'venv', '.venv'], { cwd: here, stdio: 'inherit' })
  execFileSync(python, ['-m', 'pip', 'install', '-q', '-r', 'requirements.txt'], { cwd: here, stdio: 'inherit' })
}

const runPython = (name) => ({ baseUrl, key, model }) => run(python, [join(here, 'python', 'clients.py'), name], { env: { PATH: process.env.PATH, BASE_URL: baseUrl, KEY: key, MODEL: model, NO_PROXY: '*' } })

/** The Codex command line in a folder of its own; its events, one JSON object a line. */
async function codex({ baseUrl, key, headers, folder, authority }, words, { name = 'ours', events: all = false } = {}) {
  const home = join(folder, 'codex')
  await mkdir(home, { recursive: true })
  const http = Object.entries(headers ?? {}).map(([name, value]) => `${JSON.stringify(name)} = ${JSON.stringify(value)}`).join(', ')
  await writeFile(join(home, 'config.toml'), `model_provider = "ours"\n[model_providers.ours]\nname = "${name}"\nbase_url = ${JSON.stringify(baseUrl)}\nwire_api = "responses"\nenv_key = "OURS_KEY"\nhttp_headers = { ${http} }\n`)
  const child = run(bin('codex'), ['exec', '--skip-git-repo-check', '--json', '-s', 'danger-full-access', ...words], { cwd: folder, env: { PATH: process.env.PATH, HOME: folder, CODEX_HOME: home, OURS_KEY: key, NO_PROXY: '*', ...(authority && { CODEX_CA_CERTIFICATE: authority }) }, timeout: 120_000, maxBuffer: 1e8 })
  child.child.stdin.end()
  const { stdout } = await child
  const events = stdout.split('\n').filter((line) => line.startsWith('{')).map((line) => JSON.parse(line))
  const failed = events.find(({ type }) => type === 'turn.failed' || type === 'error')
  if (failed) throw new Error(JSON.stringify(failed))
  if (all) return events
  return events.filter(({ type }) => type === 'item.completed').map(({ item }) => item)
}

async function codexEdits(target) {
  const items = await codex(target, ['-m', 'gpt-5.5', 'call apply_patch *** Begin Patch\n*** Add File: new.txt\n+made up\n*** End Patch'])
  const text = await readFile(join(target.folder, 'new.txt'), 'utf8').catch(() => undefined)
  if (text !== 'made up\n') throw new Error(`the file was not written: ${JSON.stringify(items)}`)
}

async function codexResumes(target) {
  await writeFile(join(target.folder, 'a.txt'), 'what a.txt holds\n')
  const first = await codex(target, ['-m', 'gpt-5.5', 'call exec_command {"cmd":"cat a.txt"}'])
  if (!JSON.stringify(first.at(-1)).includes('what a.txt holds')) throw new Error(JSON.stringify(first))
  const second = await codex(target, ['-m', 'gpt-5.5', 'resume', '--last', 'and again'])
  if (!JSON.stringify(second.at(-1)).includes('and again')) throw new Error(JSON.stringify(second))
}

async function codexNamespace(target) {
  const items = await codex(target, ['-m', 'gpt-6.1-sol', 'call spawn_agent {"message":"hello"}'])
  if (!items.some(({ type }) => type === 'collab_tool_call') && !JSON.stringify(items).includes('spawn_agent gave')) throw new Error(JSON.stringify(items))
}

async function codexNamesItsSession(target) {
  const events = await codex(target, ['-m', 'gpt-5.5', 'hello'], { events: true })
  const { thread_id: thread } = events.find(({ type }) => type === 'thread.started')
  const sessions = await target.totals('session')
  if (!sessions.includes(thread)) throw new Error(`the totals know ${JSON.stringify(sessions)}, not ${thread}`)
}

/** By a certificate of an authority that it knows by `CODEX_CA_CERTIFICATE` alone; without that it asks again and again for minutes. */
async function codexOverTls(target) {
  const [message] = (await codex(target, ['-m', 'gpt-5.5', 'hello'])).slice(-1)
  if (!JSON.stringify(message).includes('You said: hello')) throw new Error(JSON.stringify(message))
}

async function agentNames(target) {
  await runPython('openai-agent')(target)
  const agents = await target.totals('agent')
  if (!agents.includes('reviewer')) throw new Error(`the totals know ${JSON.stringify(agents)}`)
}

/** Over its limit the command line compacts by itself before the next turn: at the backend, where its provider goes by OpenAI's name. */
async function codexCompacts(target) {
  const words = ['-m', 'gpt-5.5', '-c', 'model_auto_compact_token_limit=200']
  await codex(target, [...words, 'remember this'], { name: 'OpenAI' })
  const second = await codex(target, [...words, 'resume', '--last', 'and again'], { name: 'OpenAI' })
  if (!JSON.stringify(second.at(-1)).includes('and again')) throw new Error(JSON.stringify(second))
}

async function claudeCode({ baseUrl, key, folder }) {
  await writeFile(join(folder, 'a.txt'), 'what a.txt holds\n')
  const child = run(bin('claude'), ['-p', `call Read {"file_path":${JSON.stringify(join(folder, 'a.txt'))}}`, '--model', 'sonnet', '--allowedTools', 'Read', '--output-format', 'json'], {
    cwd: folder, timeout: 120_000, env: { PATH: process.env.PATH, HOME: folder, ANTHROPIC_BASE_URL: baseUrl.replace(/\/v1$/, ''), ANTHROPIC_API_KEY: key, CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1', NO_PROXY: '*' },
  })
  child.child.stdin.end()
  const { result, is_error: failed } = JSON.parse((await child).stdout)
  if (failed || !result.includes('what a.txt holds')) throw new Error(result)
}

const ai = () => import('./javascript/ai-sdk.mjs')
const langgraph = () => import('./javascript/langgraph.mjs')

/** `direct`: how the same client reaches the backend itself; absent where it cannot. */
const CLIENTS = [
  { name: 'AI SDK 6, tool loop', run: async (target) => (await ai()).runAiSdk(6, target) },
  { name: 'AI SDK 7, tool loop', run: async (target) => (await ai()).runAiSdk(7, target) },
  { name: 'LangGraph JS, Responses', run: async (target) => (await langgraph()).runLangGraph(target, true) },
  { name: 'LangGraph JS, Chat', run: async (target) => (await langgraph()).runLangGraph(target, false) },
  ...['openai-responses', 'openai-chat', 'langgraph-responses', 'langgraph-chat'].map((name) => ({ name: `Python ${name}`, run: runPython(name) })),
  { name: 'Codex CLI edits a file', run: codexEdits, direct: 'codex' },
  { name: 'Codex CLI runs a command, resumes', run: codexResumes, direct: 'codex' },
  { name: 'Codex CLI compacts, goes on', run: codexCompacts, direct: 'codex' },
  { name: 'Codex CLI, namespaced tool', run: codexNamespace, direct: 'codex' },
  { name: 'Codex CLI names its session', run: codexNamesItsSession },
  { name: 'Codex CLI over TLS', run: codexOverTls, tls: true },
  { name: 'Python openai names its agent', run: agentNames },
  { name: 'Claude Code reads a file', run: claudeCode },
]

async function tryClient(client, transport) {
  const served = await serve({ transport, tls: client.tls })
  const { twin, baseUrl, key, folder, authority, totals } = served
  try {
    await client.run({ baseUrl, key, folder, authority, totals, model: 'gpt-5.5' })
    const through = twin.responses().map(describeTurn)
    if (client.direct !== 'codex') return { turns: through }
    const before = twin.responses().length
    const tokens = twin.issueTokens()
    twin.configure({ missingInstructions: 'accept' })
    const own = join(folder, 'direct')
    await mkdir(own, { recursive: true })
    await client.run({ baseUrl: twin.baseUrl, key: tokens.access_token, headers: { 'chatgpt-account-id': tokens.account_id }, folder: own, model: 'gpt-5.5' })
    return { turns: through, direct: twin.responses().slice(before).map(describeTurn) }
  } finally {
    await served.close()
  }
}

install()
const wanted = process.argv[2]
let failed = 0
let passed = 0
for (const client of CLIENTS.filter(({ name }) => wanted === undefined || name.includes(wanted))) {
  for (const transport of ['sse', 'websocket']) {
    const startedAt = performance.now()
    const outcome = await tryClient(client, transport).catch((error) => ({ error: [error?.message ?? String(error), error?.stdout].filter(Boolean).join('\n').trim().slice(-3000) }))
    const same = outcome.direct === undefined || transport === 'websocket' || JSON.stringify(outcome.direct) === JSON.stringify(outcome.turns)
    const ok = outcome.error === undefined && same
    if (ok) passed += 1
    else failed += 1
    console.log(`${ok ? 'ok    ' : 'FAILED'} ${client.name.padEnd(36)} ${transport.padEnd(10)} ${((performance.now() - startedAt) / 1000).toFixed(1).padStart(5)} s  ${(outcome.turns ?? []).join(' | ')}`)
    if (outcome.error !== undefined) console.log(`       ${outcome.error}`)
    if (!same) console.log(`       directly: ${outcome.direct.join(' | ')}`)
  }
}
console.log(`${passed} passed, ${failed} failed`)
process.exitCode = failed > 0 ? 1 : 0
