import { describe, expect, test } from 'vitest'
import { checkBinding, checkIssuerUrl, type Binding } from '../../src/auth/origin-binding.js'
import { isLoopback } from '../../src/lib/index.js'

const PUBLIC: Binding = { issuer: 'https://auth.openai.com', baseUrl: 'https://chatgpt.com/backend-api/codex', tokenIssuer: 'https://auth.openai.com' }

describe('a token goes', () => {
  test.each<[string, Binding]>([
    ['from the public issuer to ChatGPT', PUBLIC],
    ['from the public issuer to the public API', { ...PUBLIC, baseUrl: 'https://api.openai.com/v1' }],
    ['to the origin it was made for at sign-in', { ...PUBLIC, storedIssuer: 'https://auth.openai.com', storedBaseUrl: 'https://gateway.example', baseUrl: 'https://gateway.example/codex' }],
    ['to its issuer\'s own origin', { issuer: 'https://all.example', baseUrl: 'https://all.example/codex', tokenIssuer: 'https://all.example' }],
    ['from loopback to loopback, whatever the port', { issuer: 'http://127.0.0.1:4000', baseUrl: 'http://localhost:5000/codex', tokenIssuer: 'http://127.0.0.1:4000' }],
    ['anywhere, while nothing says who issued it', { issuer: 'https://auth.openai.com', baseUrl: 'https://other.example' }],
    ['nowhere else for a trailing slash or path in the issuer', { ...PUBLIC, issuer: 'https://auth.openai.com/', storedIssuer: 'https://auth.openai.com/tenant' }],
  ])('%s', (_name, binding) => {
    expect(checkBinding(binding)).toEqual({ allowed: true })
  })
})

describe('a token does not go', () => {
  test.each<[string, Binding, object]>([
    ['from the public issuer to somebody else\'s server', { ...PUBLIC, baseUrl: 'https://chatgpt.com.evil.example/x' },
      { option: 'base_url', madeFor: 'https://auth.openai.com', configured: 'https://chatgpt.com.evil.example' }],
    ['to a public host over plain http', { ...PUBLIC, baseUrl: 'http://chatgpt.com/x' }, { option: 'base_url', configured: 'http://chatgpt.com' }],
    ['to a public host on another port', { ...PUBLIC, baseUrl: 'https://chatgpt.com:8443/x' }, { option: 'base_url' }],
    ['to loopback from the public issuer', { ...PUBLIC, baseUrl: 'http://127.0.0.1:9999' }, { option: 'base_url' }],
    ['to another issuer, whose refresh would receive it', { ...PUBLIC, issuer: 'https://evil.example' }, { option: 'issuer', madeFor: 'https://auth.openai.com', configured: 'https://evil.example' }],
    ['to the public issuer from loopback', { issuer: 'https://auth.openai.com', baseUrl: 'https://chatgpt.com', tokenIssuer: 'http://127.0.0.1:4000' }, { option: 'issuer' }],
    ['where the record says one issuer and the token another', { ...PUBLIC, storedIssuer: 'https://a.example' }, { option: 'issuer', madeFor: 'https://a.example' }],
  ])('%s', (_name, binding, expected) => {
    expect(checkBinding(binding)).toMatchObject({ allowed: false, ...expected })
  })
})

test('plain http is for an issuer on loopback only', () => {
  expect(checkIssuerUrl('http://localhost:1234')).toBeUndefined()
  expect(checkIssuerUrl('http://[::1]:1234')).toBeUndefined()
  expect(checkIssuerUrl('https://auth.example')).toBeUndefined()
  expect(checkIssuerUrl('http://auth.example')).toBe('issuer http://auth.example must be https; plain http is for loopback only')
  expect(checkIssuerUrl('auth.example')).toBe('issuer "auth.example" is no URL')
  expect(checkIssuerUrl('ftp://localhost')).toContain('must be https')
})

test('loopback is an address of this machine, not a name that begins like one', () => {
  expect(['http://127.0.0.1', 'http://127.8.8.8:1', 'https://localhost', 'http://[::1]:7'].map(isLoopback)).toEqual([true, true, true, true])
  expect(['http://127.0.0.1.evil.example', 'http://localhost.evil.example', 'http://10.0.0.1', 'nonsense'].map(isLoopback)).toEqual([false, false, false, false])
})
