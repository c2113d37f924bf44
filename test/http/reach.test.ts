import { readFileSync } from 'node:fs'
import { request } from 'node:http'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createHttpServer } from '../../src/http/index.js'
import { mountOnTwin } from '../support/mounted.js'

const KEY = 'local-made-up-key'
const page = readFileSync(new URL('../../docs/endpoint.md', import.meta.url), 'utf8')
/** The page's table of ways: what Host says, and what the start has to say. */
const WAYS = page.split('\n').flatMap((line) => {
  const [, way = '', host, flags = ''] = /^\| ([^|]+) \| `([^`]+)` \| `?([^|`]+)`? \|$/.exec(line) ?? []
  return host === undefined || flags.includes('--socket') ? [] : [{ way, host, allowed: /--allow-host (\S+)/.exec(flags)?.[1], everywhere: flags.includes('--host 0.0.0.0') }]
})

const statusOf = (baseUrl: string, host: string) => new Promise<number | undefined>((resolve, reject) => {
  const { port } = new URL(baseUrl)
  request({ host: '127.0.0.1', port, path: '/v1/models', headers: { host: host.replace(':8787', `:${port}`), authorization: `Bearer ${KEY}` } }, (response) => {
    response.resume()
    resolve(response.statusCode)
  }).on('error', reject).end()
})

describe('the ways to the endpoint that its page lists', () => {
  test('are seven besides the socket file', () => {
    expect(WAYS.map(({ way }) => way)).toHaveLength(7)
    expect(WAYS.filter(({ allowed }) => allowed !== undefined)).toHaveLength(4)
  })

  test.each(WAYS)('$way: Host $host', async ({ host, allowed, everywhere }) => {
    const { provider, close } = await mountOnTwin()
    const at = { provider, key: KEY, ...(everywhere ? { host: '0.0.0.0' } : {}) }
    const servers = await Promise.all([createHttpServer({ ...at, allowHosts: allowed === undefined ? [] : [allowed] }), createHttpServer(at)])
    onTestFinished(async () => {
      await Promise.all(servers.map((server) => server.close()))
      await close()
    })
    // The flag is needed where the page has one, and enough.
    expect(await Promise.all(servers.map(({ baseUrl }) => statusOf(baseUrl, host)))).toEqual([200, allowed === undefined ? 200 : 403])
  })
})
