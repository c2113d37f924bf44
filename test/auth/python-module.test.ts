/** Plan sign-ins that this package and the Python module have in common: one record, one lock, one host. */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { createCredentialSource, createFileStore, importCredential, signInWithPlan, tokenFilePath } from '../../src/auth/index.js'
import { withSharedFlock } from '../../src/auth/shared-flock.js'
import { bundleWorker, startHost, type WorkerProgram } from './support/fleet.js'
import { testFolder } from './support/folder.js'
import { prepareFilelock, startPythonModule } from './support/python-module.js'
import { startStand, type Stand } from './support/stand.js'

const missing = await prepareFilelock()
if (missing !== undefined) process.stderr.write(`skipped: ${missing}\n`)
const HOST_ID = 'urn:uuid:00000000-0000-4000-8000-000000000001'
const EVERLASTING = { twin: { earliestRefreshFormat: 'null' as const } }

/** The Python module's own record of this stand's user. */
function pythonRecord(stand: Stand, more: object = {}) {
  const tokens = stand.twin.issueTokens({ lane: 'plan' })
  const [, payload = ''] = tokens.id_token.split('.')
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as { sub: string; email?: string; aud: string | string[] }
  return {
    auth_mode: 'chatgpt_plan', client_id: [claims.aud].flat()[0], ext_agent_host_id: HOST_ID, issuer: stand.twin.issuer, subject: claims.sub, email: claims.email ?? null,
    access_token: tokens.access_token, refresh_token: tokens.refresh_token, id_token: tokens.id_token, token_type: 'Bearer',
    scopes: ['openid', 'profile', 'email', 'offline_access', 'resource.invoke', 'chatgpt.tokens.use.direct'],
    expires_at: Date.now() / 1000 + 3600, saved_at: Date.now() / 1000, ...more,
  }
}
const put = (path: string, record: object) => writeFile(path, JSON.stringify(record), { mode: 0o600 })
const read = async (path: string) => JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>
const sourceOf = ({ lane, store, transport }: Stand) => createCredentialSource({ lane, store, transport, delay: async () => undefined })

describe("the Python module's record", () => {
  test('serves as it is', async () => {
    const stand = await startStand({ lane: 'plan', ...EVERLASTING })
    const record = pythonRecord(stand)
    await put(stand.path, record)
    await expect(sourceOf(stand).current()).resolves.toMatchObject({ lane: 'plan', accessToken: record.access_token, planEnabled: true, subject: record.subject })
  })

  test('stays its own after a refresh of ours', async () => {
    const stand = await startStand({ lane: 'plan', ...EVERLASTING })
    const before = pythonRecord(stand, { expires_at: Date.now() / 1000 - 10 })
    await put(stand.path, before)
    await sourceOf(stand).current()
    const after = await read(stand.path)
    expect(after).toMatchObject({
      auth_mode: 'chatgpt_plan', client_id: before.client_id, ext_agent_host_id: HOST_ID, issuer: before.issuer, subject: before.subject, token_type: 'Bearer',
      scopes: expect.arrayContaining(['chatgpt.tokens.use.direct']) as string[],
    })
    expect(after['expires_at']).toBeGreaterThan(Date.now() / 1000 + 60)
    expect(after['saved_at']).toBeCloseTo(Date.now() / 1000, -2)
    expect(Object.keys(after)).not.toEqual(expect.arrayContaining(['scope', 'host_id']))
  })

  test('without the grant of the plan is refused by name, and not exchanged', async () => {
    const stand = await startStand({ lane: 'plan', ...EVERLASTING })
    await put(stand.path, pythonRecord(stand, { scopes: ['openid'] }))
    await expect(sourceOf(stand).current()).rejects.toMatchObject({ code: 'missing_scope' })
    expect(stand.twin.refreshes).toEqual([])
  })

  test('is imported as its own import does, and the host keeps its name', async () => {
    const stand = await startStand({ lane: 'plan', ...EVERLASTING })
    const carried = join(stand.folder, 'carried.json')
    await put(carried, pythonRecord(stand, { ext_agent_host_id: 'urn:uuid:00000000-0000-4000-8000-00000000000f' }))
    await put(stand.path, pythonRecord(stand))
    await importCredential({ ...stand, path: carried })
    expect(await read(stand.path)).toMatchObject({ ext_agent_host_id: HOST_ID, scopes: expect.any(Array) as string[] })
  })

  test('of version 0.1.0 is read, and written in the common form by the next refresh', async () => {
    const stand = await startStand({ lane: 'plan', ...EVERLASTING })
    const { scopes, ext_agent_host_id: hostId, ...record } = pythonRecord(stand)
    await put(stand.path, { ...record, lane: 'plan', scope: scopes.join(' '), host_id: hostId, expires_at: new Date(Date.now() - 1000).toISOString() })
    await expect(sourceOf(stand).current()).resolves.toMatchObject({ planEnabled: true })
    expect(await read(stand.path)).toMatchObject({ scopes, ext_agent_host_id: HOST_ID, expires_at: expect.any(Number) as number })
  })
})

describe('places', () => {
  test("a plan sign-in has the Python module's; one of version 0.1.0 is still found", async () => {
    const folder = await testFolder()
    expect(tokenFilePath({ lane: 'plan', folder })).toBe(join(folder, 'chatgpt-plan', 'default.json'))
    expect(tokenFilePath({ lane: 'plan', account: 'work', folder })).toBe(join(folder, 'chatgpt-plan', 'work.json'))
    await writeFile(join(folder, 'openai-chatgpt-plan.json'), '{}')
    expect(tokenFilePath({ lane: 'plan', folder })).toBe(join(folder, 'openai-chatgpt-plan.json'))
    await mkdir(join(folder, 'chatgpt-plan'))
    await writeFile(join(folder, 'chatgpt-plan', 'default.json'), '{}')
    expect(tokenFilePath({ lane: 'plan', folder })).toBe(join(folder, 'chatgpt-plan', 'default.json'))
  })

  test('the host keeps one name in host.json, or where host_file_path says, and the sign-in page shows app_name', async () => {
    const stand = await startStand({ lane: 'plan', ...EVERLASTING })
    const hostFile = join(stand.folder, 'hosts', 'mine.json')
    const asked: URL[] = []
    const show = ({ url }: { url: string }) => { asked.push(new URL(url)); void fetch(url) }
    const first = await signInWithPlan({ ...stand, show, hostFile, appName: 'A program of mine' })
    const { ext_agent_host_id: hostId } = await read(hostFile)
    expect(asked[0]?.searchParams.get('ext_agent_host_id')).toBe(hostId)
    expect(asked[0]?.searchParams.get('agent_name_hint')).toBe('A program of mine')
    expect(first.fields?.ext_agent_host_id).toBe(hostId)
    const other = createFileStore({ path: join(stand.folder, 'other.json'), lane: 'plan' })
    await put(join(stand.folder, 'host.json'), { ext_agent_host_id: HOST_ID })
    await signInWithPlan({ ...stand, store: other, show })
    expect(asked[1]?.searchParams.get('ext_agent_host_id')).toBe(HOST_ID)
  })
})

describe.skipIf(missing !== undefined)('the lock of both programs', () => {
  let program: WorkerProgram
  beforeAll(async () => { program = await bundleWorker() })
  afterAll(() => program.remove())

  test('its lock file that was left behind keeps nobody from refreshing', async () => {
    const stand = await startStand({ lane: 'plan', ...EVERLASTING })
    await put(stand.path, pythonRecord(stand, { expires_at: Date.now() / 1000 - 10 }))
    await writeFile(`${stand.path}.lock`, '')
    await sourceOf(stand).current()
    expect(stand.twin.refreshes.map(({ outcome }) => outcome)).toEqual(['ok'])
  })

  test.each([['flock', undefined], ['perl', 'flock']])('%s takes it, waits for it and gives it back', async (helper, without) => {
    const { mkdtemp, symlink } = await import('node:fs/promises')
    const { execFileSync } = await import('node:child_process')
    const folder = await testFolder()
    const bin = await mkdtemp(join(folder, 'bin-'))
    if (without !== undefined) await symlink(execFileSync('sh', ['-c', `command -v ${helper}`], { encoding: 'utf8' }).trim(), join(bin, helper))
    const options = { file: join(folder, 'x.lock'), place: 'x', ...(without === undefined ? {} : { path: bin }) }
    const order: string[] = []
    let go = () => {}
    const first = withSharedFlock(options, async () => {
      order.push('first')
      await new Promise<void>((resolve) => (go = resolve))
      order.push('first ends')
    })
    await expect.poll(() => order).toEqual(['first'])
    const second = withSharedFlock(options, async () => void order.push('second'))
    await expect(withSharedFlock({ ...options, waitMs: 0 }, async () => undefined)).rejects.toMatchObject({ code: 'locked' })
    go()
    await Promise.all([first, second])
    expect(order).toEqual(['first', 'first ends', 'second'])
  })

  test('without any helper the work runs all the same, with a warning', async () => {
    const warnings: string[] = []
    await expect(withSharedFlock({ file: join(await testFolder(), 'x.lock'), place: 'x', path: '', warn: (message) => void warnings.push(message) }, async () => 7)).resolves.toBe(7)
    expect(warnings).toEqual([expect.stringContaining('none of flock, perl, python3 can be run')])
  })

  test('20 processes, ten of each program: one exchange for each expiry, no token is used twice', async () => {
    const stand = await startStand({ lane: 'plan', ...EVERLASTING })
    await put(stand.path, pythonRecord(stand))
    const ours = Array.from({ length: 10 }, () => startHost(program, { issuer: stand.twin.issuer, baseUrl: stand.twin.apiBaseUrl, path: stand.path, lane: 'plan' }))
    const theirs = Array.from({ length: 10 }, () => startPythonModule(stand.path, stand.twin.issuer))
    onTestFinished(async () => { await Promise.all(ours.map((host) => host.end())); for (const each of theirs) each.end() })
    await Promise.all([...ours, ...theirs].map(({ ready }) => ready))
    for (let round = 0; round < 4; round += 1) {
      stand.twin.expireAccessTokens()
      await put(stand.path, { ...(await read(stand.path)), expires_at: Date.now() / 1000 - 10 })
      const answers = await Promise.all([...ours.map((host) => host.call(round).then(({ outcome, message }) => `${outcome} ${message ?? ''}`)), ...theirs.map((each) => each.ensure().then(() => 'ok ', (error: Error) => error.message))])
      expect(new Set(answers)).toEqual(new Set(['ok ']))
      expect(stand.twin.refreshes.map(({ outcome }) => outcome)).toEqual(Array.from({ length: round + 1 }, () => 'ok'))
    }
  }, 120_000)
})
