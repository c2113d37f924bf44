import { describe, expect, test } from 'vitest'
import { readClaims } from '../../src/auth/claims.js'
import { accessToken, jwt } from './support/tokens.js'

const AUTH = 'https://api.openai.com/auth'
const PROFILE = 'https://api.openai.com/profile'
const access = (payload: Record<string, unknown>) => ({ access_token: jwt(payload) })
const both = (payload: Record<string, unknown>, id: Record<string, unknown>) => ({ access_token: jwt(payload), id_token: jwt(id) })

describe('the account id comes from', () => {
  test.each([
    ['the stored record before any token', { account_id: 'stored', ...access({ [AUTH]: { chatgpt_account_id: 'claimed' } }) }, 'stored'],
    ['the auth claim of the access token', access({ [AUTH]: { chatgpt_account_id: 'auth' }, chatgpt_account_id: 'top' }), 'auth'],
    ['the top level of the access token', access({ chatgpt_account_id: 'top', organizations: [{ id: 'org' }] }), 'top'],
    ['the first organization', access({ organizations: [{ id: 'org-1' }, { id: 'org-2' }] }), 'org-1'],
    ['the access token before the ID token', both({ organizations: [{ id: 'from-access' }] }, { [AUTH]: { chatgpt_account_id: 'from-id' } }), 'from-access'],
    ['the ID token where the access token says nothing', both({ sub: 'user' }, { [AUTH]: { chatgpt_account_id: 'from-id' } }), 'from-id'],
    ['the ID token\'s profile, as the original module read it', both({}, { [PROFILE]: { account_id: 'from-profile' }, sub: 'user' }), 'from-profile'],
    ['the ID token\'s subject at last', both({}, { sub: 'user' }), 'user'],
  ])('%s', async (_name, record, expected) => {
    expect((await readClaims(record)).accountId).toBe(expected)
  })

  test('nowhere, where neither record nor tokens name one', async () => {
    expect(await readClaims(access({ sub: 'user' }))).toEqual({ fedramp: false, subject: 'user' })
  })
})

test.each([
  ['a line break, which a header cannot carry', 'acc\r\nx-evil: 1'], ['a blank in front', ' acc'], ['a blank behind', 'acc '], ['257 characters', 'a'.repeat(257)], ['nothing', ''], ['a number', 7],
])('an account id with %s is none', async (_name, hostile) => {
  expect((await readClaims({ account_id: hostile as string, ...access({ [AUTH]: { chatgpt_account_id: hostile }, chatgpt_account_id: 'top' }) })).accountId).toBe('top')
})

test('what a token says is read whole', async () => {
  const token = accessToken({ issuer: 'https://auth.openai.com/', accountId: 'acc', planType: 'pro', subject: 'me' })
  expect(await readClaims({ access_token: token, id_token: jwt({ email: 'a@example.com', [AUTH]: { chatgpt_account_is_fedramp: true } }) })).toEqual({
    accountId: 'acc',
    tokenAccountId: 'acc',
    planType: 'pro',
    email: 'a@example.com',
    subject: 'me',
    fedramp: true,
    issuer: 'https://auth.openai.com',
    issuedAtMs: Date.UTC(2026, 10, 1),
    expiresAtMs: Date.UTC(2026, 10, 1, 1),
  })
})

test.each([
  'garbage', 'a.b.c', '..', '....', `${'x'.repeat(100)}.${Buffer.from('[1,2]').toString('base64url')}.s`,
  `h.${Buffer.from('null').toString('base64url')}.s`, `h.${Buffer.from('{"exp":"soon","iss":7}').toString('base64url')}.s`,
])('a token that is no JWT says nothing and breaks nothing: %s', async (token) => {
  expect(await readClaims({ access_token: token, id_token: token })).toEqual({ fedramp: false })
})
