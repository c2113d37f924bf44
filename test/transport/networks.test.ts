import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import * as zlib from 'node:zlib'
import { build } from 'esbuild'
import { describe, expect, test } from 'vitest'
import { loadCa, type Transport } from '../../src/transport/index.js'
import { createAuthority } from './support/certificate.js'
import { eventStream, listen, onCleanup, serve, serveProxy, serveSocket, type Endpoint } from './support/servers.js'
import { failureOf, openTransport, readAll } from './support/transports.js'

const authority = createAuthority()

async function writeFiles(files: Record<string, string>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'transport-'))
  onCleanup(() => rm(folder, { recursive: true, force: true }))
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text)
  return folder
}

/** One way to reach the server, and the answer it must give. */
interface Way {
  scheme: 'http' | 'https' | 'ws' | 'wss'
  call: (transport: Transport, url: string) => Promise<string | undefined>
}

const WAYS: Way[] = [
  { scheme: 'http', call: callStream },
  { scheme: 'https', call: callStream },
  { scheme: 'ws', call: callSocket },
  { scheme: 'wss', call: callSocket },
]

async function callStream(transport: Transport, url: string): Promise<string | undefined> {
  return (await readAll(await transport.stream({ method: 'POST', url, headers: {}, body: '{}' })))[0]
}

async function callSocket(transport: Transport, url: string): Promise<string | undefined> {
  const connection = await transport.connect({ url, headers: {} })
  const frames = await connection.exchange('go').next()
  connection.close()
  return frames?.[0]
}

async function serveWay(scheme: Way['scheme']): Promise<Endpoint> {
  const tls = scheme === 'https' || scheme === 'wss' ? authority : undefined
  if (scheme === 'http' || scheme === 'https') return serve((_request, response) => void eventStream(response).end('data: {"hello":1}\n\n'), tls)
  return serveSocket((socket) => void socket.on('message', () => socket.send('{"hello":1}')), {}, tls)
}

describe.each(WAYS)('over $scheme', ({ scheme, call }) => {
  const secure = scheme.endsWith('s') && scheme !== 'ws'
  const own = secure ? 'https_proxy' : 'http_proxy'

  test.each([[own], [own.toUpperCase()], ['all_proxy'], ['ALL_PROXY']])('%s sends the connection through the proxy', async (name) => {
    const server = await serveWay(scheme)
    const proxy = await serveProxy()
    const caFile = join(await writeFiles({ 'ca.pem': authority.ca }), 'ca.pem')
    const transport = openTransport({ env: { [name]: proxy.url }, caFile })
    expect(await call(transport, `${scheme}://127.0.0.1:${server.port}/`)).toBe('{"hello":1}')
    expect(proxy.tunnels).toEqual([`127.0.0.1:${server.port}`])
    const other = openTransport({ env: { [secure ? 'http_proxy' : 'https_proxy']: proxy.url }, caFile })
    expect(await call(other, `${scheme}://127.0.0.1:${server.port}/`)).toBe('{"hello":1}')
    expect(proxy.tunnels).toHaveLength(1)
  })

  test.each([['no_proxy'], ['NO_PROXY']])('%s keeps it away from the proxy', async (name) => {
    const server = await serveWay(scheme)
    const proxy = await serveProxy()
    const caFile = join(await writeFiles({ 'ca.pem': authority.ca }), 'ca.pem')
    const transport = openTransport({ env: { all_proxy: proxy.url, [name]: `example.com, 127.0.0.1:${server.port}` }, caFile })
    expect(await call(transport, `${scheme}://127.0.0.1:${server.port}/`)).toBe('{"hello":1}')
    expect(proxy.accepted()).toBe(0)
  })

  test('the proxy gets user and password of its URL; without them its refusal is told, the password never', async () => {
    const server = await serveWay(scheme)
    const proxy = await serveProxy({ requireAuth: `Basic ${Buffer.from('us er:pässword').toString('base64')}` })
    const caFile = join(await writeFiles({ 'ca.pem': authority.ca }), 'ca.pem')
    const url = `${scheme}://127.0.0.1:${server.port}/`
    const withUser = proxy.url.replace('//', '//us%20er:p%C3%A4ssword@')
    expect(await call(openTransport({ env: { all_proxy: withUser }, caFile }), url)).toBe('{"hello":1}')
    const strict = await serveProxy({ requireAuth: 'Basic another' })
    const failure = await failureOf(call(openTransport({ env: { all_proxy: strict.url.replace('//', '//us%20er:wrongword@') }, caFile }), url))
    expect({ ...failure }).toMatchObject({ kind: 'connect', phase: 'unsent', systemCode: 'ERR_PROXY_AUTH' })
    expect(failure.message).toContain('407')
    expect(failure.message).not.toContain('wrongword')
    await strict.idle()
  })

  test('a proxy with TLS of its own is spoken to over TLS', async () => {
    const server = await serveWay(scheme)
    const proxy = await serveProxy({ tls: authority })
    const caFile = join(await writeFiles({ 'ca.pem': authority.ca }), 'ca.pem')
    expect(await call(openTransport({ env: { all_proxy: proxy.url }, caFile }), `${scheme}://127.0.0.1:${server.port}/`)).toBe('{"hello":1}')
    expect(proxy.tunnels).toHaveLength(1)
  })

  test('a proxy that is not there, or of a kind we do not speak, fails the call before it is sent', async () => {
    const server = await serveWay(scheme)
    const url = `${scheme}://127.0.0.1:${server.port}/`
    const closed = createServer()
    const { port } = await listen(closed)
    await new Promise((resolve) => closed.close(resolve))
    expect({ ...(await failureOf(call(openTransport({ env: { all_proxy: `http://127.0.0.1:${port}` } }), url))) }).toMatchObject({ kind: 'connect', phase: 'unsent', systemCode: 'ECONNREFUSED' })
    const socks = await failureOf(call(openTransport({ env: { all_proxy: 'socks5://u:secretword@127.0.0.1:1' } }), url))
    expect({ ...socks }).toMatchObject({ kind: 'connect', phase: 'unsent', systemCode: 'ERR_PROXY_SETTING' })
    expect(socks.message).not.toContain('secretword')
  })
})

describe.each(WAYS.filter(({ scheme }) => scheme === 'https' || scheme === 'wss'))('over $scheme', ({ scheme, call }) => {
  test('a name that no resolver knows fails the call before it is sent', async () => {
    // A label is at most 63 characters long, so nobody has to be asked.
    const failure = await failureOf(call(openTransport({ env: {} }), `${scheme}://${'a'.repeat(64)}.example/`))
    expect({ ...failure }).toMatchObject({ kind: 'connect', phase: 'unsent', systemCode: 'ENOTFOUND' })
  })

  test('a host elsewhere is asked for by its name', async () => {
    const server = await serveWay(scheme)
    const proxy = await serveProxy()
    const caFile = join(await writeFiles({ 'ca.pem': authority.ca }), 'ca.pem')
    // the certificate is not for this name, which is the point where the answer must stop
    const failure = await failureOf(call(openTransport({ env: { https_proxy: proxy.url }, caFile }), `${scheme}://api.example.test:${server.port}/`))
    expect(proxy.tunnels).toEqual([`api.example.test:${server.port}`])
    expect({ ...failure }).toMatchObject({ kind: 'connect', phase: 'unsent', systemCode: 'ERR_TLS_CERT_ALTNAME_INVALID' })
  })

  test('an authority is trusted by ca_file or NODE_EXTRA_CA_CERTS, and by nothing else', async () => {
    const server = await serveWay(scheme)
    const url = `${scheme}://127.0.0.1:${server.port}/`
    const folder = await writeFiles({ 'ca.pem': `# ours\n${authority.ca}`, 'other.pem': createAuthority('Another').ca, 'both.pem': createAuthority('Another').ca + authority.ca })
    for (const options of [{ caFile: join(folder, 'ca.pem') }, { caFile: join(folder, 'both.pem') }, { env: { NODE_EXTRA_CA_CERTS: join(folder, 'ca.pem') } }]) {
      expect(await call(openTransport(options), url)).toBe('{"hello":1}')
    }
    for (const options of [{}, { caFile: join(folder, 'other.pem') }, { env: { NODE_TLS_REJECT_UNAUTHORIZED: '0' } }]) {
      const failure = await failureOf(call(openTransport(options), url))
      expect({ ...failure }).toMatchObject({ kind: 'connect', phase: 'unsent' })
      expect(failure.systemCode).toMatch(/^(UNABLE_TO_VERIFY_LEAF_SIGNATURE|SELF_SIGNED_CERT_IN_CHAIN|CERT_SIGNATURE_FAILURE)$/)
    }
  })

  test('a bad ca_file is named, and counts again once it is put right', async () => {
    const server = await serveWay(scheme)
    const url = `${scheme}://127.0.0.1:${server.port}/`
    const folder = await writeFiles({ 'empty.pem': 'nothing', 'broken.pem': authority.ca.replace(/\n.{10}/, '\nAAAAAAAAAA') })
    const cases = [['missing.pem', 'cannot be read'], ['empty.pem', 'holds no PEM certificate'], ['broken.pem', 'certificate 1 of 1']] as const
    for (const [name, says] of cases) {
      const path = join(folder, name)
      const transport = openTransport({ caFile: path })
      const failure = await failureOf(call(transport, url))
      expect({ ...failure }).toMatchObject({ kind: 'connect', phase: 'unsent', systemCode: 'ERR_CA_FILE' })
      expect(failure.message).toContain(path)
      expect(failure.message).toContain(says)
      await expect(loadCa(path)).rejects.toThrow(path)
      await writeFile(path, authority.ca)
      expect(await call(transport, url)).toBe('{"hello":1}')
    }
  })
})

describe('compression', () => {
  const body = JSON.stringify({ text: 'words and words '.repeat(1000) })
  const hasZstd = 'zstdCompress' in zlib

  test('is zstd where this Node has it and nothing where it has not, and only when asked for', async () => {
    const decompress: unknown = Reflect.get(zlib, 'zstdDecompressSync')
    const seen: [string | undefined, boolean][] = []
    const server = await serve((request, response, bytes) => {
      const encoding = request.headers['content-encoding']
      const text = encoding === 'zstd' && typeof decompress === 'function' ? String(decompress(bytes)) : String(bytes)
      expect(text).toBe(body)
      seen.push([encoding, bytes.length < body.length])
      response.end(bytes)
    })
    const transport = openTransport()
    const request = { method: 'POST', url: server.url, headers: {}, body } as const
    await transport.fetch({ ...request, compress: true })
    await transport.fetch(request)
    await transport.fetch({ ...request, compress: true, headers: { 'Content-Encoding': 'identity' } })
    expect(seen).toEqual([hasZstd ? ['zstd', true] : [undefined, false], [undefined, false], ['identity', false]])
  })
})

test('NODE_EXTRA_CA_CERTS of the process itself is in force', async () => {
  const folder = await writeFiles({ 'ca.pem': authority.ca })
  const server = await serve((_request, response) => response.end('trusted'), authority)
  const root = join(import.meta.dirname, '../..')
  // Among node_modules, so that the built file finds undici and ws.
  const built = join(root, 'node_modules/.cache', `transport-${process.pid}.mjs`)
  onCleanup(() => rm(built, { force: true }))
  await build({
    entryPoints: [join(root, 'src/transport/index.ts')], outfile: built, bundle: true, packages: 'external', format: 'esm', platform: 'node',
  })
  const program = `
    import { createTransport } from ${JSON.stringify(pathToFileURL(built).href)}
    const transport = createTransport({ env: {} })
    const reply = await transport.fetch({ method: 'GET', url: ${JSON.stringify(server.url)}, headers: {} })
    console.log(reply.body)
    await transport.close()`
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], { env: { ...process.env, NODE_EXTRA_CA_CERTS: join(folder, 'ca.pem') } })
  let output = ''
  child.stdout.on('data', (piece: Buffer) => (output += String(piece)))
  let complaint = ''
  child.stderr.on('data', (piece: Buffer) => (complaint += String(piece)))
  await new Promise((resolve) => child.on('close', resolve))
  expect({ output: output.trim(), complaint }).toEqual({ output: 'trusted', complaint: '' })
})
