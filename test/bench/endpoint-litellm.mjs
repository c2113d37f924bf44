/**
 * LiteLLM's proxy as an endpoint under measurement, where it is installed: `LITELLM` names its command, else it is looked
 * for on the path. It reads the same Responses streams as the others and writes chat completion chunks; one process
 * serves every recipe, as a model each, since it takes half a minute to start.
 */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { delimiter, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

const KEY = 'sk-made-up'
const STARTS_WITHIN_MS = 120_000

/** @returns the command and the version, or undefined where there is none */
export function findLitellm() {
  const command = process.env.LITELLM ?? process.env.PATH.split(delimiter).map((folder) => join(folder, 'litellm')).find((path) => existsSync(path))
  if (command === undefined) return undefined
  // Asking the command itself takes as long as starting it.
  const python = /^#!(\S+)/.exec(readFileSync(command, 'utf8'))?.[1] ?? 'python3'
  const { status, stdout } = spawnSync(python, ['-c', 'import importlib.metadata as m; print(m.version("litellm"))'], { encoding: 'utf8', timeout: 60_000 })
  return status === 0 ? { command, version: stdout.trim() } : undefined
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  return port
}

const field = (pid, file, pattern) => pattern.exec(readFileSync(`/proc/${pid}/${file}`, 'utf8'))

/** @param pin the command line that runs one on the endpoint's core */
export async function startLitellm({ command }, { origin, recipes, home, pin }) {
  const config = join(home, 'litellm.yaml')
  const models = recipes.map((recipe) => `  - model_name: ${recipe}\n    litellm_params: {model: openai/responses/gpt-5.5, api_base: "${origin}/${recipe}/codex", api_key: x}`)
  writeFileSync(config, `model_list:\n${models.join('\n')}\ngeneral_settings: {master_key: ${KEY}}\n`)
  const port = await freePort()
  const [run, ...words] = [...pin, command, '--config', config, '--host', '127.0.0.1', '--port', String(port), '--telemetry', 'False']
  const child = spawn(run, words, { stdio: 'ignore', env: { PATH: process.env.PATH, HOME: home, NO_PROXY: '*', LITELLM_LOCAL_MODEL_COST_MAP: 'True', LITELLM_LOG: 'ERROR' } })
  const startedAt = performance.now()
  const alive = () => fetch(`http://127.0.0.1:${port}/health/liveliness`).then(({ ok }) => ok, () => false)
  while (!(await alive())) {
    if (child.exitCode !== null || performance.now() - startedAt > STARTS_WITHIN_MS) {
      child.kill('SIGKILL')
      throw new Error('LiteLLM did not start')
    }
    await sleep(500)
  }
  return {
    base_url: `http://127.0.0.1:${port}/v1`,
    key: KEY,
    /** ms, in steps of ten as the system counts */
    cpu() {
      const [, user, system] = field(child.pid, 'stat', /\) (?:\S+ ){11}(\d+) (\d+)/)
      return (Number(user) + Number(system)) * 10
    },
    memory: () => ({ rss: Number(field(child.pid, 'status', /VmRSS:\s+(\d+)/)[1]) * 1024, live: NaN }),
    async close() {
      const gone = once(child, 'exit')
      child.kill('SIGKILL')
      await gone
    },
  }
}
