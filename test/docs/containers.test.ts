/** The image, the pipeline and the scrape configuration of the pages, as far as they run without their programs. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { parse } from 'yaml'
import { openCommandLine } from '../cli/support.js'

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')
const block = (page: string, language: string) => new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, 'm').exec(read(page))?.[1] ?? ''
const manifest = JSON.parse(read('package.json')) as { name: string; bin: Record<string, string>; peerDependencies?: Record<string, string> }
const dockerfile = block('docs/containers.md', 'dockerfile')

/** What the health check's program exits with where /readyz answers so; undefined: nobody listens. */
async function exitOf(words: string[], status: number | undefined): Promise<unknown> {
  const server = createServer((request, response) => void response.writeHead(request.url === '/readyz' ? status ?? 500 : 404).end()).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  if (status === undefined) server.close()
  else onTestFinished(() => void server.close())
  const [, ...rest] = words.map((word) => word.replace(/127\.0\.0\.1:\d+/, `127.0.0.1:${port}`))
  const child = spawn(process.execPath, rest, { stdio: 'ignore' })
  return (await once(child, 'exit'))[0]
}

test('the health checks of image and compose file follow /readyz', async () => {
  const { services } = parse(read('examples/fleet/compose.yaml'), { merge: true }) as { services: Record<string, { healthcheck?: { test: string[] }; command: string[]; stop_grace_period?: string }> }
  const [, cmd = '[]'] = /^HEALTHCHECK .* CMD (\[.*\])$/m.exec(dockerfile) ?? []
  const endpoints = Object.values(services).filter(({ command }) => command.includes('serve'))
  expect(endpoints.map(({ stop_grace_period }) => stop_grace_period)).toEqual(['20s', '20s'])
  const programs = [JSON.parse(cmd) as string[], ...endpoints.map(({ healthcheck }) => healthcheck?.test.slice(1) ?? [])]
  expect(programs).toHaveLength(3)
  for (const program of programs.slice(0, 2)) {
    expect(program[0]).toBe('node')
    expect([await exitOf(program, 200), await exitOf(program, 503), await exitOf(program, undefined)]).toEqual([0, 1, 1])
  }
  for (const [at, { command }] of endpoints.entries()) expect(programs[at + 1]?.join(' ')).toContain(`:${command[command.indexOf('--port') + 1]}/readyz`)
})

test('the image installs this package and the client of Redis that it takes, and starts its command', () => {
  const [, installed = ''] = /^RUN npm install (.*?) &&/m.exec(dockerfile) ?? []
  expect(installed.split(' ')).toEqual([manifest.name, 'redis@5'])
  expect(dockerfile).toContain(`ENTRYPOINT ["/app/node_modules/.bin/${Object.keys(manifest.bin)[0]}"]`)
})

test('the pipeline installs before it runs, and the scrape names the path and the kind of key', () => {
  const { steps } = parse(block('docs/containers.md', 'yaml pipeline')) as { steps: { run: string }[] }
  expect(steps.map(({ run }) => run.split(' ').slice(0, 3).join(' '))).toEqual([`npm install ${manifest.name}`, 'npx amplifier-chatgpt run'])
  expect(parse(block('docs/fleet.md', 'yaml prometheus'))).toMatchObject({ scrape_configs: [{ metrics_path: '/metrics', authorization: { type: 'Bearer' } }] })
})

test('no page runs npx amplifier-chatgpt where the package was not installed before: npx would fetch another of that name', () => {
  const under = (folder: string) => readdirSync(new URL(`../../${folder}`, import.meta.url), { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name))
  const pages = ['README.md', ...under('docs'), ...under('examples')].filter((name) => name.endsWith('.md') && !name.includes('node_modules'))
  const bare = pages.filter((page) => {
    const text = read(page)
    const used = text.search(/^(?:[A-Z_]+=\S+ )*npx amplifier-chatgpt/m)
    return used !== -1 && !/npm (?:install (?:\S+ )*amplifier-module-provider-openai-chatgpt|ci\b)/.test(text.slice(0, used))
  })
  expect([pages.length > 20, bare]).toEqual([true, []])
})

test('the form that stands for the browser approves the code that login shows', async () => {
  const line = await openCommandLine({ deviceCode: { intervalSeconds: 1 } })
  onTestFinished(() => line.close())
  const [, path = '', ...fields] = /^curl http:\/\/127\.0\.0\.1:9009(\S+) -d (\S+) -d (\S+)$/m.exec(read('docs/containers.md')) ?? []
  let asked = false
  const approve = (text: string) => {
    const [code] = /\b[A-Z0-9]{4}-[A-Z0-9]{4,5}\b/.exec(text) ?? []
    if (code === undefined || asked) return
    asked = true
    void fetch(new URL(path, line.twin.url), { method: 'POST', body: new URLSearchParams(fields.join('&').replace(/(user_code=)[^&]+/, `$1${code}`)) })
  }
  expect(await line.run(['login'], { onStderr: approve })).toMatchObject({ code: 0 })
})
