import { lstat, mkdir, readFile, stat, symlink, writeFile, chmod } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { createStateFile } from '../../src/account/state-file.js'
import { createCredentialSource, createFileStore, createLane, exportCredential, importCredential, type TokenStore } from '../../src/auth/index.js'
import { checkBinding } from '../../src/auth/origin-binding.js'
import { redactAddresses } from '../../src/lib/index.js'
import { testFolder } from './support/folder.js'
import { startStand } from './support/stand.js'

describe('a lane sends only a credential of its own kind', () => {
  test.each(['codex', 'plan', 'api_key'] as const)('%s', async (lane) => {
    const stand = await startStand({ lane })
    const { access_token } = stand.twin.issueTokens()
    const wrong = lane === 'api_key' ? [{ access_token }, { access_token, lane: 'api_key', auth_mode: 'api_key' }] : [{ access_token: 'sk-made-up', lane }, { access_token: 'sk-made-up' }]
    for (const record of wrong) {
      await writeFile(stand.path, JSON.stringify(record), { mode: 0o600 })
      await expect(createCredentialSource(stand).current()).rejects.toMatchObject({ name: 'AuthenticationError', code: 'token_store_wrong_lane' })
    }
    expect(stand.twin.requests).toEqual([])
  })
})

test.each(['codex', 'api_key'] as const)("lane %s asks a host program's own store for its kind too", async (lane) => {
  const stand = await startStand({ lane })
  const { access_token } = stand.twin.issueTokens()
  const record = { access_token: lane === 'api_key' ? access_token : 'sk-made-up' }
  const store: TokenStore = { ...stand.store, place: 'the host', load: async () => ({ state: 'present', record }) }
  await expect(createCredentialSource({ ...stand, store }).current()).rejects.toMatchObject({ name: 'AuthenticationError', code: 'token_store_wrong_lane' })
  expect(stand.twin.requests).toEqual([])
})

test("a record's issuer does not outrank the token's own", () => {
  const configured = { issuer: 'https://evil.example', baseUrl: 'https://evil.example' }
  expect(checkBinding({ ...configured, storedIssuer: 'https://evil.example', storedBaseUrl: 'https://evil.example', tokenIssuer: 'https://auth.openai.com' }))
    .toEqual({ allowed: false, madeFor: 'https://auth.openai.com', configured: 'https://evil.example', option: 'issuer' })
})

describe.runIf(process.platform !== 'win32')('files that are refused stay as they were', () => {
  test('by export and by import, their mode too', async () => {
    const stand = await startStand()
    await stand.store.save({ ...stand.twin.issueTokens() })
    const path = join(stand.folder, 'notes.txt')
    await writeFile(path, 'my notes')
    await chmod(path, 0o644)
    await expect(exportCredential({ ...stand, path })).rejects.toMatchObject({ code: 'refused' })
    await expect(importCredential({ lane: createLane('codex'), store: createFileStore({ path: join(stand.folder, 'x.json'), lane: 'codex' }), path })).rejects.toMatchObject({ name: 'AuthenticationError' })
    expect([await readFile(path, 'utf8'), (await stat(path)).mode & 0o777]).toEqual(['my notes', 0o644])
  })

  test('by the state file, whose unfinished write follows no link', async () => {
    const folder = await testFolder()
    await mkdir(folder, { recursive: true })
    const target = join(folder, 'target')
    await writeFile(target, 'precious')
    const path = join(folder, 'state.json')
    await symlink(target, `${path}.${process.pid}.tmp`)
    await createStateFile(path).persisted('account', 'quota').save({ used: 7 })
    expect(await readFile(target, 'utf8')).toBe('precious')
    expect((await lstat(path)).isFile()).toBe(true)
  })
})

test('a password with a slash in it is not shown', () => {
  expect(redactAddresses('see https://user:pa/ss@h/x and redis://:secret@r:1')).toBe('see //[REDACTED]@h/x and //[REDACTED]@r:1'.replaceAll('see //', 'see https://').replace('and //', 'and redis://'))
})
