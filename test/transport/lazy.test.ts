import { createRequire } from 'node:module'
import { expect, test } from 'vitest'
import { createTransport } from '../../src/transport/index.js'
import { serve } from './support/servers.js'

test('a transport loads its libraries with the first call, not before', async () => {
  const loaded = () => Object.keys(createRequire(import.meta.url).cache).filter((path) => /node_modules[\\/]undici[\\/]/.test(path)).length > 0
  const transport = createTransport({ env: {} })
  expect(loaded()).toBe(false)
  const server = await serve((_request, response) => response.end('x'))
  await transport.fetch({ method: 'GET', url: server.url, headers: {} })
  expect(loaded()).toBe(true)
  await transport.close()
})
