import { spawn, spawnSync, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { once } from 'node:events'
import { request } from 'node:http'
import { mkdir, mkdtemp, readFile, rm, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { credentials } from '@grpc/grpc-js'
import { build } from 'esbuild'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { readRecording } from '../../src/routing/index.js'
import { ask, call, loadServices, SECRET, type ProviderClient } from '../support/open-grpc-server.js'
import { openCommandLine, type CommandLine } from './support.js'

/** A process whose terminal is a pseudo-terminal: Python's own module does that wherever there is one. */
const PTY = 'import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))'
const hasPty = process.platform !== 'win32' && spawnSync('python3', ['-c', 'import pty']).status === 0

describe('as a process of its own', () => {
  let cli: CommandLine
  let folder: string
  let main: string

  beforeAll(async () => {
    // Below the project, so that the packages it imports are found.
    await mkdir(join('node_modules', '.cache'), { recursive: true })
    folder = await mkdtemp(join(process.cwd(), 'node_modules', '.cache', 'command-line-'))
    main = join(folder, 'dist', 'cli', 'main.js')
    for (const name of ['routing', 'schemas']) await symlink(join(process.cwd(), name), join(folder, name), 'junction')
    await build({
      entryPoints: { 'cli/main': 'src/cli/main.ts' }, outdir: join(folder, 'dist'), chunkNames: 'chunks/[name]-[hash]',
      bundle: true, splitting: true, packages: 'external', format: 'esm', platform: 'node', target: 'node20.18', logLevel: 'silent',
    })
    cli = await openCommandLine()
    expect((await cli.run(['login'])).code).toBe(0)
  })
  afterAll(async () => {
    await cli.close()
    await rm(folder, { recursive: true, force: true })
  })

  const start = (words: string[], env: NodeJS.ProcessEnv = {}): ChildProcessWithoutNullStreams =>
    spawn(process.execPath, [main, ...words], { env: { PATH: process.env.PATH, ...cli.env, ...env } })

  interface Ended { code: number | null; stdout: string; stderr: string }
  const end = (child: ChildProcessWithoutNullStreams): Promise<Ended> => new Promise((resolve) => {
    const ended = { stdout: '', stderr: '' }
    child.stdout.on('data', (chunk: Buffer) => { ended.stdout += chunk.toString() })
    child.stderr.on('data', (chunk: Buffer) => { ended.stderr += chunk.toString() })
    child.on('close', (code) => resolve({ code, ...ended }))
  })

  test('a prompt from standard input is answered on stdout, with nothing on stderr', async () => {
    const child = start(['run', '-'])
    child.stdin.end('from a pipe')
    expect(await end(child)).toEqual({ code: 0, stdout: 'You said: from a pipe\n', stderr: '' })
  })

  test('plain http to another machine is refused before anything is sent', async () => {
    const child = start(['run', 'x', '--config', 'base_url=http://example.test/x'])
    const { code, stderr } = await end(child)
    expect(code).toBe(2)
    expect(stderr).toMatch(/base_url/)
  })

  test('Ctrl-C ends a running answer with 130 and frees its connection', async () => {
    cli.twin.enqueue({ text: 'one two three four five six', deltaChars: 4, stallAfterEvents: 6 })
    const child = start(['run', 'slowly'])
    child.stdout.once('data', () => child.kill('SIGINT'))
    const { code, stdout, stderr } = await end(child)
    expect([code, stderr]).toEqual([130, ''])
    expect(stdout).toMatch(/^one/)
    await vi.waitFor(() => expect(cli.twin.openConnections()).toMatchObject({ websocket: 0 }), { timeout: 10_000 })
  })

  test('Ctrl-C under --json leaves one answer for a program, with the code that it was', async () => {
    cli.twin.enqueue({ text: 'one two three four five six', deltaChars: 4, stallAfterEvents: 6 })
    const before = cli.twin.responses().length
    const child = start(['run', 'slowly', '--json'])
    const ended = end(child)
    await vi.waitFor(() => expect(cli.twin.responses().length).toBeGreaterThan(before), { timeout: 10_000 })
    child.kill('SIGINT')
    const { code, stdout, stderr } = await ended
    expect([code, stderr]).toEqual([130, ''])
    expect(JSON.parse(stdout)).toMatchObject({ error: { type: 'AbortError', code: 'interrupted', message: expect.stringMatching(/\[interrupted\]$/) as string, retryable: false, exit_code: 130 } })
  })

  test('Ctrl-C while a device code waits ends with 130 and keeps the sign-in there was', async () => {
    const file = cli.env.AMPLIFIER_CHATGPT_TOKEN_FILE as string
    const before = await readFile(file, 'utf8')
    const other = await openCommandLine({ deviceCode: { approveAfterPolls: 'never', intervalSeconds: 1 } })
    const child = start(['login'], { AMPLIFIER_CHATGPT_ISSUER: other.twin.issuer, AMPLIFIER_CHATGPT_BASE_URL: other.twin.baseUrl })
    child.stderr.once('data', () => child.kill('SIGINT'))
    expect((await end(child)).code).toBe(130)
    expect(await readFile(file, 'utf8')).toBe(before)
    await other.close()
  })

  test('serve --http answers to the names and pages that it was started with, and to no others', async () => {
    const child = start(['serve', '--http', '--json', '--port', '0', '--allow-host', 'agents.internal', '--allow-origin', 'https://app.example'])
    const { base_url, key } = JSON.parse(String((await once(child.stdout, 'data'))[0])) as { base_url: string; key: string }
    const { port } = new URL(base_url)
    const ask = (headers: Record<string, string>) => new Promise<number | undefined>((resolve, reject) => {
      request({ port, path: '/v1/models', headers: { authorization: `Bearer ${key}`, ...headers } }, (response) => {
        response.resume()
        resolve(response.statusCode)
      }).on('error', reject).end()
    })
    try {
      expect(await ask({ host: 'agents.internal:8080' })).toBe(200)
      expect(await ask({ host: 'other.internal' })).toBe(403)
      expect(await ask({ origin: 'https://app.example' })).toBe(200)
      expect(await ask({ origin: 'https://evil.example' })).toBe(403)
    } finally {
      const ended = end(child)
      child.kill('SIGINT')
      await ended
    }
  })

  test('both servers record the same of a call', async () => {
    const record = async (name: string, words: string[], env: NodeJS.ProcessEnv, ask: (said: string) => Promise<unknown>) => {
      const file = join(cli.home, `${name}.jsonl`)
      const child = start(['serve', ...words, '--record', file], env)
      const ended = end(child)
      try {
        const [said] = await once(child.stdout, 'data') as [Buffer]
        await ask(said.toString())
      } finally {
        child.kill('SIGTERM')
      }
      expect(await ended).toMatchObject({ code: 0, stderr: '' })
      return readRecording(await readFile(file, 'utf8'), file)
    }
    const http = await record('http', ['--http', '--json', '--port', '0'], { AMPLIFIER_CHATGPT_HTTP_KEY: 'made-up' }, async (said) => {
      const { base_url: url } = JSON.parse(said) as { base_url: string }
      const answer = await fetch(`${url}/responses`, {
        method: 'POST', headers: { authorization: 'Bearer made-up', 'content-type': 'application/json' }, body: JSON.stringify({ model: 'gpt-5.5', input: 'a secret word' }),
      })
      expect(answer.status).toBe(200)
      await answer.text()
    })
    const grpc = await record('grpc', ['--grpc'], { AMPLIFIER_CHATGPT_SECRET: SECRET }, async (said) => {
      const services = await loadServices()
      const client = new services.ProviderService!(`127.0.0.1:${said.slice('READY:'.length).trim()}`, credentials.createInsecure()) as never as ProviderClient
      await call(client, 'Complete', ask('a secret word'))
      client.close()
    })
    const own = { time: '', session_id: '', duration_ms: 0, windows: [] }
    const [catalog, made, ...none] = grpc
    expect([catalog?.type, made?.type, none]).toEqual(['catalog', 'call', []])
    expect(made).toMatchObject({ provider: 'openai-chatgpt', model: 'gpt-5.5', status: 'ok', tokens: { input_tokens: expect.any(Number) as number } })
    expect(grpc.map((line) => ({ ...line, ...own }))).toEqual(http.map((line) => ({ ...line, ...own })))
  })

  test('serve --http stays until Ctrl-C, and takes a port that is one', async () => {
    const child = start(['serve', '--http', '--json', '--port', '0'])
    const ended = end(child)
    child.stdout.once('data', () => child.kill('SIGINT'))
    const { code, stdout } = await ended
    expect([code, JSON.parse(stdout)]).toEqual([0, { base_url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+/) as unknown, key: expect.any(String) as unknown, pid: child.pid, page: expect.stringMatching(/^http:.*once=/) as unknown }])
    expect((await end(start(['serve', '--http', '--port', 'many']))).code).toBe(2)
  })

  test('serve --http keeps responses over a restart for a named key, lets it in until it is revoked, and writes a line a request', async () => {
    const data = await mkdtemp(join(folder, 'data-'))
    const keys = async (...words: string[]) => JSON.parse((await end(start(['serve', 'keys', ...words, '--data', data, '--json']))).stdout) as { key: string }
    const { key } = await keys('add', 'laptop')
    const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' }
    const open = async () => {
      const child = start(['serve', '--http', '--json', '--store', 'sqlite', '--data', data, '--log', 'json', '--drain-seconds', '5'])
      const { base_url: baseUrl } = JSON.parse(String((await once(child.stdout, 'data'))[0])) as { base_url: string }
      return { child, baseUrl, ended: end(child) }
    }
    const first = await open()
    const logged = once(first.child.stderr, 'data')
    const asked = await fetch(`${first.baseUrl}/responses`, { method: 'POST', headers, body: JSON.stringify({ model: 'gpt-5.5', input: 'remember me' }) })
    const { id } = (await asked.json()) as { id: string }
    // Killed, not asked to end: what was answered is kept. The line of the log comes behind the answer.
    await logged
    first.child.kill('SIGKILL')
    const { stderr } = await first.ended
    expect(JSON.parse(stderr)).toMatchObject({ key: 'laptop', method: 'POST', path: '/v1/responses', status: 200, request_id: asked.headers.get('x-request-id'), served_model: 'gpt-5.5' })
    const second = await open()
    expect(await (await fetch(`${second.baseUrl}/responses/${id}`, { headers })).json()).toMatchObject({ id, status: 'completed' })
    await keys('revoke', 'laptop')
    await vi.waitFor(async () => expect((await fetch(`${second.baseUrl}/responses/${id}`, { headers })).status).toBe(401), { timeout: 10_000 })
    second.child.kill('SIGTERM')
    expect((await second.ended).code).toBe(0)
  }, 30_000)

  test.each([
    [['--cert', 'a.pem'], /--cert and --key go together/], [['--log', 'loud'], /--log takes json or pretty/], [['--store', 'disk'], /--store takes memory, sqlite or redis/],
    [['--drain-seconds', 'soon'], /--drain-seconds takes a number/], [['--socket', 'a.sock', '--port', '1'], /--socket takes the place/], [['--store', 'redis'], /redis_url/],
  ])('serve --http %j is refused by name', async (words, message) => {
    const { code, stderr } = await cli.run(['serve', '--http', ...words])
    expect([code, stderr]).toEqual([2, expect.stringMatching(message)])
  })

  test('a reader that goes away ends the answer quietly', async () => {
    cli.twin.enqueue({ text: 'x'.repeat(20_000), deltaChars: 20, eventDelayMs: 1 })
    const child = start(['run', 'long'])
    child.stdout.once('data', () => child.stdout.destroy())
    expect(await end(child)).toMatchObject({ code: 0, stderr: '' })
  })

  test.skipIf(!hasPty)('a terminal gets colours and a summary, and NO_COLOR is heeded', () => {
    const run = (words: string[], env: NodeJS.ProcessEnv = {}) => end(spawn('python3', ['-c', PTY, process.execPath, main, ...words], {
      env: { PATH: process.env.PATH, TERM: 'xterm', ...cli.env, ...env },
    }))
    return Promise.all([
      run(['routing', 'show']).then(({ code, stdout }) => {
        expect(code).toBe(0)
        expect(stdout).toContain('\u001b[')
      }),
      run(['routing', 'show'], { NO_COLOR: '1' }).then(({ stdout }) => expect(stdout).not.toContain('\u001b[')),
      run(['run', 'hello']).then(({ stdout }) => expect(stdout).toMatch(/You said: hello\r?\n.*tokens in/)),
      run(['run', '-']).then(({ code, stdout }) => {
        expect(code).toBe(2)
        expect(stdout).toMatch(/run takes a prompt/)
      }),
    ])
  })
})
