import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { createCredentialSource, createFileStore, TokenStoreError, type TokenStore } from '../../src/auth/index.js'
import { bundleWorker, startHost, type WorkerProgram } from './support/fleet.js'
import { startStand, type Stand } from './support/stand.js'

let program: WorkerProgram
beforeAll(async () => { program = await bundleWorker() })
afterAll(() => program.remove())

const configOf = (stand: Stand) => ({ issuer: stand.twin.issuer, baseUrl: stand.twin.baseUrl, path: stand.path })

/** A source of a process of its own, as far as what it remembers goes. */
function openSource({ lane, transport }: Stand, store: TokenStore) {
  return createCredentialSource({ lane, transport, store, delay: async () => undefined })
}

test('a process that is killed once the answer has arrived, before it is saved, leaves it to the next one', async () => {
  const stand = await startStand()
  await stand.store.save({ ...stand.twin.issueTokens() })
  stand.twin.expireAccessTokens()
  const victim = startHost(program, { ...configOf(stand), dieAt: 'save' })
  onTestFinished(() => victim.end())
  await victim.ready
  await expect(victim.call(0)).rejects.toThrow('the process ended')
  const left = (await readdir(stand.folder)).filter((name) => name.includes('.reply-'))
  expect(left).toHaveLength(1)
  if (process.platform !== 'win32') expect((await stat(join(stand.folder, left[0] ?? ''))).mode & 0o777).toBe(0o600)

  const next = startHost(program, configOf(stand))
  onTestFinished(() => next.end())
  await next.ready
  expect(await next.call(1)).toMatchObject({ outcome: 'ok' })
  expect(stand.twin.refreshes.map(({ outcome }) => outcome)).toEqual(['ok'])
  expect(await readdir(stand.folder)).toEqual(['token.json'])
})

test('an answer that cannot be saved is saved by the next process, and the spent token is not sent again', async () => {
  const stand = await startStand()
  await stand.store.save({ ...stand.twin.issueTokens() })
  stand.twin.expireAccessTokens()
  const before = JSON.parse(await readFile(stand.path, 'utf8')) as { access_token: string; refresh_token: string }
  const file = createFileStore({ path: stand.path, lane: 'codex' })
  const full: TokenStore = {
    ...file,
    save: async (record, options) => {
      if (record.refresh_token !== before.refresh_token) throw new TokenStoreError('the disk is full', 'unwritable')
      return file.save(record, options)
    },
  }
  const served = await openSource(stand, full).replace(before.access_token)
  expect((await openSource(stand, createFileStore({ path: stand.path, lane: 'codex' })).replace(before.access_token)).accessToken).toBe(served.accessToken)
  expect(stand.twin.refreshes.map(({ outcome }) => outcome)).toEqual(['ok'])
  expect(await readdir(stand.folder)).toEqual(['token.json'])
})

test.each([
  ['of another token', JSON.stringify({ consumed: '0000000000000000', at: '2026-11-21T12:00:00.000Z', body: '{"access_token":"a","refresh_token":"r"}' })],
  ['that was cut off', '{"consumed":"00'],
  ['that is no JSON object', '[]'],
])('a kept answer %s is not used, and goes with the next save', async (_what, text) => {
  const stand = await startStand()
  const tokens = stand.twin.issueTokens()
  await stand.store.save({ ...tokens })
  stand.twin.expireAccessTokens()
  await writeFile(join(stand.folder, '.token.json.reply-1-made-up.tmp'), text, { mode: 0o600 })
  await openSource(stand, createFileStore({ path: stand.path, lane: 'codex' })).replace(tokens.access_token)
  expect(stand.twin.refreshes.map(({ outcome }) => outcome)).toEqual(['ok'])
  expect(await readdir(stand.folder)).toEqual(['token.json'])
})

test('an answer that is no token reply leaves nothing behind', async () => {
  const stand = await startStand()
  const tokens = stand.twin.issueTokens()
  await stand.store.save({ ...tokens })
  stand.twin.expireAccessTokens()
  for (let attempt = 0; attempt < 3; attempt += 1) stand.twin.enqueueRefresh({ status: 200, body: 'busy' })
  await expect(openSource(stand, createFileStore({ path: stand.path, lane: 'codex' })).replace(tokens.access_token)).rejects.toMatchObject({ name: 'ProviderUnavailableError' })
  expect(await readdir(stand.folder)).toEqual(['token.json'])
})
