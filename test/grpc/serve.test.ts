import { spawn, type ChildProcess, type StdioOptions } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as grpc from '@grpc/grpc-js'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { parse } from 'yaml'
import { listOptionNames } from '../../src/config/index.js'
import { buildCommandLine } from '../support/amplifier-python.js'
import { call, loadServices, metadata, type Lifecycle } from '../support/open-grpc-server.js'

const PAGE = readFileSync(new URL('../../docs/hosts/amplifier.md', import.meta.url), 'utf8')

let main: string
let folder: string

beforeAll(async () => {
  main = await buildCommandLine('serve')
  folder = await mkdtemp(join(tmpdir(), 'amplifier-chatgpt-'))
}, 60_000)
afterAll(() => rm(folder, { recursive: true, force: true }))

function start(args: string[] = [], env: NodeJS.ProcessEnv = {}, stdio: StdioOptions = 'pipe') {
  const child = spawn(process.execPath, [main, 'serve', '--grpc', ...args], {
    cwd: folder, stdio, env: { PATH: process.env.PATH, HOME: folder, USERPROFILE: folder, ...env },
  })
  const said = { stdout: '', stderr: '' }
  child.stdout?.on('data', (bytes: Buffer) => { said.stdout += String(bytes) })
  child.stderr?.on('data', (bytes: Buffer) => { said.stderr += String(bytes) })
  return { child, said }
}

const ready = (child: ChildProcess) => once(child.stdout as NodeJS.ReadableStream, 'data')

describe.concurrent('serve --grpc', () => {
  test('prints READY and the port, nothing more, and ends well on SIGTERM', async () => {
    const { child, said } = start([], { AMPLIFIER_CHATGPT_SECRET: 'made-up' })
    await ready(child)
    child.kill('SIGTERM')
    const [code] = await once(child, 'close')
    expect(said.stdout).toMatch(/^READY:\d+\n$/)
    expect(said.stderr).toBe('')
    expect(code).toBe(0)
  })

  test('refuses an empty secret, and warns of a kernel on another machine', async () => {
    const empty = start([], { AMPLIFIER_CHATGPT_SECRET: ' ' })
    expect((await once(empty.child, 'close'))[0]).toBe(2)
    expect(empty.said.stderr).toContain('AMPLIFIER_CHATGPT_SECRET is empty')
    const { child, said } = start([], { AMPLIFIER_CHATGPT_SECRET: 'made-up', AMPLIFIER_KERNEL_ADDRESS: '192.0.2.7:50052' })
    await ready(child)
    child.kill('SIGTERM')
    await once(child, 'close')
    expect(said.stderr).toContain('the kernel at 192.0.2.7:50052 is not on this machine')
  })

  test('ends when its stdin closes', async () => {
    const { child } = start()
    await ready(child)
    child.stdin?.end()
    expect((await once(child, 'close'))[0]).toBe(0)
  })

  test('goes on where stdin is no pipe', async () => {
    const { child } = start([], {}, ['ignore', 'pipe', 'pipe'])
    await ready(child)
    expect(child.exitCode).toBeNull()
    child.kill('SIGTERM')
    await once(child, 'close')
  })

  test('ends when its parent dies', async () => {
    const program = `const c = require('child_process').spawn(process.execPath, [process.argv[1], 'serve', '--grpc'], { stdio: ['ignore', 'pipe', 'ignore'] }); c.stdout.on('data', (d) => process.stdout.write(String(c.pid) + '\\n'))`
    const parent = spawn(process.execPath, ['-e', program, main], { cwd: folder, env: { ...process.env, HOME: folder }, stdio: ['ignore', 'pipe', 'ignore'] })
    const pid = Number(String((await once(parent.stdout as NodeJS.ReadableStream, 'data'))[0]))
    parent.kill('SIGKILL')
    await vi.waitFor(() => expect(isAlive(pid)).toBe(false), { timeout: 15_000, interval: 50 })
  }, 20_000)

  test('makes a secret and shows it once on stderr where nobody gave one; none with --no-secret', async () => {
    const secret = start()
    const none = start(['--no-secret', '--port', '0'])
    await Promise.all([ready(secret.child), ready(none.child)])
    for (const { child } of [secret, none]) child.kill('SIGTERM')
    await Promise.all([once(secret.child, 'close'), once(none.child, 'close')])
    expect(secret.said.stderr).toMatch(/^secret \(metadata x-amplifier-token\): [\w-]{43}\n$/)
    expect(none.said.stderr).toMatch(/^without a secret every user of this machine may call this server.*no more than a project's files may.*\n$/)
  })

  test.runIf(process.platform !== 'win32')('without a secret and a port it serves at a socket file of mode 0700 in a folder of mode 0700, and takes no key of the user', async () => {
    const base = { AMPLIFIER_CHATGPT_BASE_URL: 'http://127.0.0.1:9', TMPDIR: folder }
    const { child, said } = start(['--no-secret'], base)
    await ready(child)
    const address = /^READY:(unix:(.*)\/grpc\.sock)\n$/.exec(said.stdout)
    if (!address?.[1] || !address[2]) throw new Error(said.stdout)
    expect([statSync(address[2]).mode & 0o777, statSync(`${address[2]}/grpc.sock`).mode & 0o777]).toEqual([0o700, 0o700])
    const Lifecycle = (await loadServices()).ModuleLifecycle as grpc.ServiceClientConstructor
    const client = new Lifecycle(address[1], grpc.credentials.createInsecure()) as unknown as Lifecycle
    // Even what the user's own environment says, and a claim to be the host program.
    const claims = metadata({ 'x-amplifier-mount': 'm', 'x-amplifier-trust': '1' }, '')
    const answer: Record<string, unknown> = await call(client, 'Mount', { config: { base_url: '"http://127.0.0.1:9"' } }, claims)
    expect(answer).toMatchObject({ success: false, error: expect.stringContaining('base_url may not be set by a caller') as string })
    client.close()
    child.kill('SIGTERM')
    await once(child, 'close')
    expect(existsSync(address[2])).toBe(false)
    expect(said.stderr).toContain('no other user of this machine may reach its socket file')
  })

  test('over HTTP it warns of an address that is open to the network, and not of one of this machine', async () => {
    const said = await Promise.all(['0.0.0.0', '::1', '127.0.0.1'].map(async (host) => {
      const child = spawn(process.execPath, [main, 'serve', '--http', '--host', host, '--port', '0'], { cwd: folder, env: { PATH: process.env.PATH, HOME: folder, USERPROFILE: folder, AMPLIFIER_CHATGPT_BASE_URL: 'http://127.0.0.1:9', AMPLIFIER_CHATGPT_ISSUER: 'http://127.0.0.1:9' } })
      let stderr = ''
      child.stderr.on('data', (bytes: Buffer) => { stderr += String(bytes) })
      // Where nobody is signed in, or there is no IPv6, it ends by itself: the warning comes before.
      await Promise.race([once(child.stdout, 'data'), once(child, 'close')])
      child.kill('SIGTERM')
      if (child.exitCode === null) await once(child, 'close')
      return stderr.includes('is open to the network')
    }))
    expect(said).toEqual([true, false, false])
  })

  const commands = [...PAGE.matchAll(/^(?:AMPLIFIER_CHATGPT_SECRET=(\S+) )?npx amplifier-chatgpt serve --grpc --port 50051(.*?)\s*#/gm)].map(([line, secret, flags]) => [line, secret, flags] as const)
  test.each(commands)('serves as the page for kernels says: %s', async (_line, secret, flags) => {
    const { child } = start(['--port', '0', ...(flags ?? '').split(' ').filter(Boolean)], secret ? { AMPLIFIER_CHATGPT_SECRET: secret } : {})
    const [said] = (await ready(child)) as [Buffer]
    const Service = (await loadServices()).ProviderService as grpc.ServiceClientConstructor
    const client = new Service(`127.0.0.1:${String(said).slice('READY:'.length).trim()}`, grpc.credentials.createInsecure()) as unknown as Lifecycle
    expect(await call(client, 'GetInfo', {}, metadata({}, secret ?? ''))).toMatchObject({ id: 'openai-chatgpt' })
    if (secret) await expect(call(client, 'GetInfo', {}, metadata({}, 'another'))).rejects.toMatchObject({ code: grpc.status.UNAUTHENTICATED })
    client.close()
    child.kill('SIGTERM')
    await once(child, 'close')
  })

  test("the page's mount plan holds settings that exist", () => {
    const [entry] = (parse(/```yaml\n([\s\S]*?)```/.exec(PAGE)?.[1] ?? '') as { providers: { module: string; config: object }[] }).providers
    expect(commands).toHaveLength(2)
    expect(entry?.module).toBe('provider-openai-chatgpt')
    expect(Object.keys(entry?.config ?? {}).filter((key) => !listOptionNames().includes(key))).toEqual([])
  })
})

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
