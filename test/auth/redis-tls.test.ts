import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { createAccountPlaces } from '../../src/account-storage.js'
import { createLane } from '../../src/auth/index.js'
import { createAtRestCipher } from '../../src/auth/encrypt-at-rest.js'
import { resolveOptions } from '../../src/config/index.js'

const tools = [['redis-server', '--version'], ['openssl', 'version']] as const
const missing = tools.filter(([tool, flag]) => spawnSync(tool, [flag]).status !== 0).map(([tool]) => tool)
if (missing.length > 0) process.stderr.write(`skipped: Redis over TLS, because there is no ${missing.join(' and no ')}\n`)

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  return typeof address === 'object' && address ? address.port : 0
}

const KEY = Buffer.alloc(32, 7).toString('base64')
const storageOf = (config: Record<string, unknown>, env: NodeJS.ProcessEnv = {}) => {
  const { options } = resolveOptions({ token_store: 'redis', ...config }, { env: {} })
  return createAccountPlaces(options, { AMPLIFIER_CHATGPT_STORE_KEY: KEY, ...env })
}

describe.runIf(missing.length === 0)('a Redis server behind TLS', () => {
  let folder = ''
  let port = 0
  let server: ChildProcess | undefined
  const at = (name: string) => join(folder, name)

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'redis-tls-'))
    const openssl = (...words: string[]) => execFileSync('openssl', words, { cwd: folder, stdio: 'ignore' })
    openssl('req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=Made-up Authority', '-keyout', 'ca.key', '-out', 'ca.pem')
    openssl('req', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=localhost', '-keyout', 'server.key', '-out', 'server.csr')
    writeFileSync(at('names'), 'subjectAltName=DNS:localhost,IP:127.0.0.1\n')
    openssl('x509', '-req', '-in', 'server.csr', '-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2', '-extfile', 'names', '-out', 'server.pem')
    port = await freePort()
    server = spawn('redis-server', ['--port', '0', '--tls-port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--save', '', '--requirepass', 'made-up-password',
      '--tls-cert-file', 'server.pem', '--tls-key-file', 'server.key', '--tls-ca-cert-file', 'ca.pem', '--tls-auth-clients', 'no'], { cwd: folder, stdio: ['ignore', 'pipe', 'ignore'] })
    await new Promise<void>((resolve, reject) => {
      server?.stdout?.on('data', (chunk: Buffer) => { if (chunk.toString().includes('Ready to accept connections')) resolve() })
      server?.once('exit', () => reject(new Error('redis-server ended')))
    })
  }, 30_000)
  afterAll(() => {
    server?.kill('SIGKILL')
    rmSync(folder, { recursive: true, force: true })
  })

  const open = (config: Record<string, unknown>, env: NodeJS.ProcessEnv = {}) => {
    const storage = storageOf({ redis_url: `rediss://:made-up-password@localhost:${port}`, ...config }, env)
    onTestFinished(() => storage.close())
    return storage.tokens(createLane('codex'), () => undefined)
  }

  test('is believed by the authority of ca_file, and of NODE_EXTRA_CA_CERTS', async () => {
    await open({ ca_file: at('ca.pem') }).save({ access_token: 'made-up' })
    expect(await open({}, { NODE_EXTRA_CA_CERTS: at('ca.pem') }).load()).toMatchObject({ state: 'present' })
  })

  test('whose certificate is not believed gets no password, whatever NODE_TLS_REJECT_UNAUTHORIZED says', async () => {
    vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0')
    onTestFinished(() => void vi.unstubAllEnvs())
    expect(await open({}).load()).toMatchObject({ state: 'unreadable', transient: true })
  })
})

describe('plain redis://', () => {
  test.each(['redis://redis.example', 'redis://user:made-up@10.0.0.7:6379', 'redis://127.0.0.1.evil.example'])('to another machine is refused: %s', (redis_url) => {
    expect(() => storageOf({ redis_url })).toThrow(expect.objectContaining({ name: 'ConfigurationError', code: 'redis_plaintext', message: expect.stringMatching(/^(?!.*made-up).*redis_allow_plaintext/) as string }) as Error)
  })

  test.each([[{ redis_url: 'redis://127.0.0.1:1' }], [{ redis_url: 'redis://localhost' }], [{ redis_url: 'redis://redis.example', redis_allow_plaintext: true }], [{ redis_url: 'rediss://redis.example' }]])('is taken with loopback or with leave: %j', async (config) => {
    await storageOf(config).close()
  })

  test('may not be allowed by a file of a project', async () => {
    const { attachOrigins } = await import('../../src/config/index.js')
    const config = attachOrigins({ redis_allow_plaintext: true }, { redis_allow_plaintext: { file: '.amplifier/settings.yaml', line: 1, column: 1, whose: 'project' as const } })
    expect(() => resolveOptions(config, { env: {} })).toThrow(/redis_allow_plaintext may not be set by a project's files/)
  })
})

describe('a sealing key', () => {
  /** 43 letters, and no base64 that 32 bytes could come to: its last letter says bits that are not there. */
  const LETTERS = `${'correcthorsebatterystaple'.padEnd(42, 'x')}B`

  test('of 43 letters that are no canonical base64 is derived from, with a salt of its own', async () => {
    const sealed = await createAtRestCipher(LETTERS).seal('made up', 'here')
    expect(sealed.split('.')[1]).not.toBe('')
    expect(await createAtRestCipher(LETTERS).open(sealed, 'here')).toBe('made up')
  })

  test('marked passphrase: is derived from, whatever follows', async () => {
    const sealed = await createAtRestCipher(`passphrase:${KEY}`).seal('made up', 'here')
    expect(sealed.split('.')[1]).not.toBe('')
    expect(await createAtRestCipher(KEY).open(sealed, 'here')).toBeUndefined()
    expect(() => createAtRestCipher('passphrase:short')).toThrow(expect.objectContaining({ code: 'store_key' }) as Error)
  })

  test('opens what version 0.1.0 sealed with it, and seals anew with the derived key', async () => {
    const { createCipheriv } = await import('node:crypto')
    const iv = Buffer.alloc(12, 3)
    const cipher = createCipheriv('aes-256-gcm', Buffer.from(LETTERS, 'base64'), iv)
    cipher.setAAD(Buffer.from('here'))
    const body = Buffer.concat([cipher.update('made up', 'utf8'), cipher.final(), cipher.getAuthTag()])
    const old = ['v1', '', iv.toString('base64url'), body.toString('base64url')].join('.')
    for (const secret of [LETTERS, `passphrase:${LETTERS}`]) {
      const sealer = createAtRestCipher(secret)
      expect(await sealer.open(old, 'here')).toBe('made up')
      expect((await sealer.seal('made up', 'here')).split('.')[1]).not.toBe('')
    }
  })

  test.each([KEY, KEY.replace('=', ''), Buffer.alloc(32, 0xff).toString('base64url'), '07'.repeat(32)])('of 32 bytes stays a raw key: %s', async (secret) => {
    expect((await createAtRestCipher(secret).seal('made up', 'here')).split('.')[1]).toBe('')
  })
})
