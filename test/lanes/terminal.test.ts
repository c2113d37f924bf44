import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build } from 'esbuild'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import type { Twin } from '../../src/twin/index.js'
import { openTwin, writeTokens } from './support.js'

const python = spawnSync('python3', ['-c', 'import pty']).status === 0
if (!python) process.stderr.write('skipped: sign-in at a pseudo-terminal, because there is no python3 to open one\n')

/** Runs the command at a terminal of its own; what is written to us is typed there. */
const TERMINAL = `
import os, pty, sys, select, signal
pid, fd = pty.fork()
if pid == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
ends = [fd, 0]
while True:
    ready, _, _ = select.select(ends, [], [])
    if 0 in ready:
        typed = os.read(0, 1024)
        if typed: os.write(fd, typed)
        else: ends.remove(0)
    if fd in ready:
        try: shown = os.read(fd, 4096)
        except OSError: break
        if not shown: break
        os.write(1, shown)
_, status = os.waitpid(pid, 0)
sys.exit(os.waitstatus_to_exitcode(status) & 255)
`

let built = ''
const root = join(import.meta.dirname, '../..')
beforeAll(async () => {
  built = join(root, 'node_modules/.cache', `terminal-${process.pid}.mjs`)
  await build({
    stdin: { contents: "export { createModule } from './src/index.js'; export { createHost } from './src/host/index.js'", resolveDir: root, loader: 'ts' },
    outfile: built, bundle: true, packages: 'external', format: 'esm', platform: 'node', logLevel: 'error',
  })
})
afterAll(() => rm(built, { force: true }))

interface Run {
  child: ChildProcess
  output: () => string
  ended: Promise<number | null>
}

async function prepareRun(twin: Twin, record: object | undefined, config: object = {}): Promise<{ program: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'amplifier-terminal-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const path = join(folder, 'token.json')
  if (record) await writeTokens(path, record)
  const mountConfig = { base_url: twin.baseUrl, issuer: twin.issuer, token_file_path: path, login_on_mount: true, transport: 'sse', ...config }
  const program = `
    import { createModule, createHost } from ${JSON.stringify(pathToFileURL(built).href)}
    const host = createHost()
    const cleanup = await createModule().mount(host.coordinator, ${JSON.stringify(mountConfig)})
    const provider = host.coordinator.get('providers', 'openai-chatgpt')
    console.log(cleanup ? 'MOUNTED' : 'NOT MOUNTED')
    if (provider) console.log('ANSWER', (await provider.complete({ messages: [{ role: 'user', content: 'hello' }] })).finish_reason)
    await cleanup?.()
    console.log('LISTENERS ' + process.listenerCount('SIGINT'))`
  return { program }
}

function run(program: string, at: 'terminal' | 'pipe'): Run {
  const node = [process.execPath, '--input-type=module', '-e', program]
  const command = at === 'terminal' ? ['python3', '-c', TERMINAL, ...node] : node
  const child = spawn(String(command[0]), command.slice(1), { cwd: root })
  let output = ''
  for (const pipe of [child.stdout, child.stderr]) pipe.on('data', (piece: Buffer) => (output += String(piece)))
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve))
  return { child, output: () => output, ended }
}

const dead = (twin: Twin) => ({ ...twin.issueTokens({ expiresInSeconds: -10 }), refresh_token: 'rt-made-up-and-unknown', expires_at: '2020-01-01T00:00:00Z' })
const devicePaths = (twin: Twin) => twin.requests.filter(({ path }) => path.includes('deviceauth'))

describe.runIf(python)('login_on_mount at a terminal', () => {
  test.each<[string, (twin: Twin) => object | undefined]>([
    ['nobody is signed in', () => undefined],
    ['the refresh token is dead', dead],
  ])('shows a code where %s, waits for it and serves', async (_words, record) => {
    const twin = await openTwin({ deviceCode: { approveAfterPolls: 1, intervalSeconds: 1 } })
    const { program } = await prepareRun(twin, record(twin))
    const { output, ended } = run(program, 'terminal')
    expect([await ended, output()]).toEqual([0, expect.stringMatching(/MOUNTED[^]*ANSWER stop/)])
    expect(output()).toContain(`${twin.issuer}/codex/device`)
    expect(output()).not.toMatch(/NOT MOUNTED|rt_|eyJ/)
    // Signed in for good: the next mount asks nobody, terminal or not.
    const asked = devicePaths(twin).length
    const again = run(program, 'pipe')
    expect([await again.ended, again.output()]).toEqual([0, expect.stringContaining('ANSWER stop')])
    expect(devicePaths(twin).length).toBe(asked)
  })

  test('Ctrl-C ends the wait, leaves what was stored as it was, and the host goes on', async () => {
    const twin = await openTwin({ deviceCode: { approveAfterPolls: 'never', intervalSeconds: 1 } })
    const { program } = await prepareRun(twin, undefined)
    const { child, output, ended } = run(program, 'terminal')
    await expect.poll(output, { timeout: 15_000, interval: 50 }).toContain('/codex/device')
    child.stdin?.write('\u0003')
    expect([await ended, output()]).toEqual([0, expect.stringMatching(/cancelled[^]*NOT MOUNTED[^]*LISTENERS 0/)])
  })

  test('asks nobody with login_on_mount: false, where calls say what to do, or on another lane', async () => {
    const twin = await openTwin({ deviceCode: { approveAfterPolls: 0 } })
    for (const config of [{ login_on_mount: false }, { lane: 'plan', base_url: twin.apiBaseUrl }]) {
      const { output, ended } = run((await prepareRun(twin, undefined, config)).program, 'terminal')
      await ended
      if ('lane' in config) expect(output()).toContain('NOT MOUNTED')
      expect(output()).toContain('amplifier-chatgpt login')
    }
    expect(twin.requests).toEqual([])
  })
})

describe('login_on_mount without a terminal', () => {
  test('asks nobody, and says which command signs in', async () => {
    const twin = await openTwin({ deviceCode: { approveAfterPolls: 0 } })
    for (const record of [undefined, dead(twin)]) {
      const { output, ended } = run((await prepareRun(twin, record)).program, 'pipe')
      expect([await ended, output()]).toEqual([0, expect.stringContaining('NOT MOUNTED')])
      expect(output()).toContain('amplifier-chatgpt login')
    }
    expect(devicePaths(twin)).toEqual([])
  })
})
