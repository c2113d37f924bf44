import { describe, expect, test } from 'vitest'
import { isLoopback } from '../../src/lib/index.js'
import { resolveProxy } from '../../src/transport/index.js'

const resolve = (url: string, env: Record<string, string>) => resolveProxy(url, env)?.href

describe('the proxy of a URL', () => {
  test('is the variable of its scheme, in lower case before upper case', () => {
    for (const url of ['https://a.example/', 'wss://a.example/']) {
      expect(resolve(url, { https_proxy: 'http://one:1', HTTPS_PROXY: 'http://two:2', http_proxy: 'http://three:3' })).toBe('http://one:1/')
      expect(resolve(url, { HTTPS_PROXY: 'http://two:2' })).toBe('http://two:2/')
      expect(resolve(url, { https_proxy: '', HTTPS_PROXY: 'http://two:2' })).toBe('http://two:2/')
    }
    for (const url of ['http://a.example/', 'ws://a.example/']) {
      expect(resolve(url, { http_proxy: 'http://one:1', HTTP_PROXY: 'http://two:2' })).toBe('http://one:1/')
      expect(resolve(url, { HTTP_PROXY: 'http://two:2', https_proxy: 'http://three:3' })).toBe('http://two:2/')
    }
  })

  test('is all_proxy where the scheme has none, and nothing where that is missing too', () => {
    expect(resolve('https://a.example/', { all_proxy: 'http://one:1', ALL_PROXY: 'http://two:2' })).toBe('http://one:1/')
    expect(resolve('http://a.example/', { ALL_PROXY: 'http://two:2' })).toBe('http://two:2/')
    expect(resolve('https://a.example/', { ALL_PROXY: 'http://two:2', https_proxy: 'http://one:1' })).toBe('http://one:1/')
    expect(resolve('https://a.example/', { http_proxy: 'http://one:1' })).toBeUndefined()
    expect(resolve('https://a.example/', {})).toBeUndefined()
  })

  test('may lack its scheme and may carry user and password', () => {
    expect(resolve('https://a.example/', { https_proxy: 'proxy:3128' })).toBe('http://proxy:3128/')
    expect(resolve('https://a.example/', { https_proxy: 'http://u:p@proxy:3128' })).toBe('http://u:p@proxy:3128/')
  })

  test('that is no URL is an error naming the variable and not its value', () => {
    expect(() => resolve('https://a.example/', { HTTPS_PROXY: 'http://user:hunter22@' })).toThrow(/^HTTPS_PROXY in the environment is no proxy URL/)
    expect(() => resolve('https://a.example/', { HTTPS_PROXY: 'http://user:hunter22@' })).not.toThrow(/hunter22/)
  })
})

describe('no_proxy', () => {
  const cases: [string, string, boolean][] = [
    ['https://a.example/', '*', true],
    ['https://a.example/', 'a.example', true],
    ['https://a.example/', 'A.EXAMPLE', true],
    ['https://a.example./', 'a.example', true],
    ['https://b.a.example/', 'a.example', true],
    ['https://b.a.example/', '.a.example', true],
    ['https://a.example/', '.a.example', true],
    ['https://b.a.example/', '*.a.example', true],
    ['https://ba.example/', 'a.example', false],
    ['https://a.example/', 'b.example, a.example', true],
    ['https://a.example/', 'b.example a.example', true],
    ['https://a.example/', 'b.example', false],
    ['https://a.example/', 'a.example:443', true],
    ['https://a.example:8443/', 'a.example:443', false],
    ['https://a.example:8443/', 'a.example:8443', true],
    ['wss://a.example/', 'a.example:443', true],
    ['https://10.1.2.3/', '10.1.2.3', true],
    ['https://10.1.2.3/', '10.0.0.0/8', true],
    ['https://11.1.2.3/', '10.0.0.0/8', false],
    ['https://10.1.2.3:8443/', '10.0.0.0/8:443', false],
    ['https://a.example/', '10.0.0.0/8', false],
    ['https://[2001:db8::5]/', '2001:db8::/32', true],
    ['https://[2001:db8::5]/', '[2001:db8::5]:443', true],
    ['https://[2001:db9::5]/', '2001:db8::/32', false],
    ['https://a.example/', '10.0.0.0/99,,:,.', false],
  ]
  test.each(cases)('%s with %s', (url, noProxy, direct) => {
    const env = { https_proxy: 'http://proxy:1' }
    expect(resolve(url, { ...env, no_proxy: noProxy })).toBe(direct ? undefined : 'http://proxy:1/')
    expect(resolve(url, { ...env, NO_PROXY: noProxy })).toBe(direct ? undefined : 'http://proxy:1/')
  })

  test('in lower case wins', () => {
    expect(resolve('https://a.example/', { https_proxy: 'http://proxy:1', no_proxy: 'b.example', NO_PROXY: '*' })).toBe('http://proxy:1/')
  })
})

test('loopback goes through a proxy only where that stands on loopback too', () => {
  for (const url of ['http://127.0.0.1:1/', 'ws://localhost:1/', 'https://[::1]/']) {
    expect(resolve(url, { all_proxy: 'http://proxy.example:1' })).toBeUndefined()
    expect(resolve(url, { all_proxy: 'http://127.0.0.1:9' })).toBe('http://127.0.0.1:9/')
    expect(resolve(url, { all_proxy: 'http://127.0.0.1:9', no_proxy: '127.0.0.1,localhost,::1' })).toBeUndefined()
  }
})

test('loopback is this machine under any of its names', () => {
  for (const url of ['http://localhost', 'http://LOCALHOST:1', 'ws://a.localhost/', 'http://127.0.0.1', 'http://127.1', 'http://127.9.9.9', 'http://[::1]:8', 'http://0x7f000001', 'http://[::ffff:127.0.0.1]', 'http://localhost.']) {
    expect([url, isLoopback(url)]).toEqual([url, true])
  }
  for (const url of ['http://localhost.example', 'http://127.0.0.1.example', 'http://10.0.0.1', 'http://[::2]', 'http://0.0.0.0', 'notalocalhost', '']) {
    expect([url, isLoopback(url)]).toEqual([url, false])
  }
})
