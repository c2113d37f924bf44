import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createStateFile, defaultStatePath } from '../../src/account/index.js'
import { identifyHost } from '../../src/lib/host-identity.js'
import { WALL_TIME } from '../support/wall-time.js'

const listeners = () => process.eventNames().map((name) => [String(name), process.listenerCount(name)])
/** before anything was written: a package that listens does it once a process */
const listenersAtFirst = listeners()

let folder: string
let path: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'state-'))
  path = join(folder, 'deep', 'state.json')
})
afterEach(() => rm(folder, { recursive: true, force: true }))

test('stands beside the token file of the home folder', () => {
  expect(defaultStatePath(join('/', 'home', 'x'))).toBe(join('/', 'home', 'x', '.amplifier', 'openai-chatgpt-state.json'))
})

test('holds sections of accounts apart, private from creation, and leaves nothing else behind', async () => {
  const file = createStateFile(path)
  expect(await file.persisted('a', 'quota').load()).toBeUndefined()
  await file.persisted('a', 'quota').save({ x: 1 })
  await file.persisted('a', 'catalog').save([2])
  await file.persisted('b', 'quota').save('three')
  const other = createStateFile(path)
  expect(await other.persisted('a', 'quota').load()).toEqual({ x: 1 })
  expect(await other.persisted('a', 'catalog').load()).toEqual([2])
  expect(await other.persisted('b', 'quota').load()).toBe('three')
  expect(await other.persisted('constructor', 'name').load()).toBeUndefined()
  expect(await readdir(join(folder, 'deep'))).toEqual(['state.json'])
  if (process.platform !== 'win32') {
    expect((await stat(path)).mode & 0o777).toBe(0o600)
    expect((await stat(join(folder, 'deep'))).mode & 0o777).toBe(0o700)
  }
})

test('keeps what it does not know', async () => {
  await mkdir(join(folder, 'deep'))
  await writeFile(path, '\uFEFF{"version":7,"from":"elsewhere","accounts":{"a":{"later":true}}}')
  await createStateFile(path).persisted('a', 'quota').save(1)
  expect(JSON.parse(await readFile(path, 'utf8'))).toEqual({ version: 1, from: 'elsewhere', accounts: { a: { later: true, quota: 1 } } })
})

test.each([['cut', '{"accounts":{"a":'], ['empty', ''], ['a list', '[1]'], ['of NUL bytes', '\0\0\0']])(
  'a file that is %s is kept aside and the state starts empty', async (_title, text) => {
    await mkdir(join(folder, 'deep'))
    await writeFile(path, text)
    const warnings: string[] = []
    const place = createStateFile(path, { warn: (message) => warnings.push(message), now: () => 42 }).persisted('a', 'quota')
    expect(await place.load()).toBeUndefined()
    await place.save('new')
    expect(await place.load()).toBe('new')
    expect(await readFile(`${path}.corrupt-42`, 'utf8')).toBe(text)
    expect(warnings).toEqual([`${path} held no JSON object; kept aside as state.json.corrupt-42, starting empty`])
  },
)

test('writers who change the same section at once lose nothing of each other’s', async () => {
  const writers = Array.from({ length: 4 }, () => createStateFile(path).persisted('a', 'count'))
  const add = (name: string) => (stored: unknown) => [...(Array.isArray(stored) ? (stored as unknown[]) : []), name]
  await Promise.all(writers.flatMap((writer, index) => [1, 2, 3].map((round) => writer.update?.(add(`${index}.${round}`)))))
  const names = (await writers[0]!.load()) as string[]
  expect([...names].sort()).toEqual(['0.1', '0.2', '0.3', '1.1', '1.2', '1.3', '2.1', '2.2', '2.3', '3.1', '3.2', '3.3'])
})

test('a write leaves no listener on the process: signals are the host’s', async () => {
  await createStateFile(path).persisted('a', 'quota').save(1)
  expect(listeners()).toEqual(listenersAtFirst)
})

test('the lock of a process that is gone from this machine is passed at once', WALL_TIME, async () => {
  await mkdir(`${path}.lock`, { recursive: true })
  await writeFile(join(`${path}.lock`, `1-${2 ** 22 + 17}-${await identifyHost()}-abc`), '')
  const place = createStateFile(path).persisted('a', 'quota')
  const startedAt = performance.now()
  await place.save(1)
  expect(performance.now() - startedAt).toBeLessThan(1000)
  expect(await place.load()).toBe(1)
  expect(await readdir(join(folder, 'deep'))).toEqual(['state.json'])
})

test('a failed write rejects, and the next one is tried all the same', async () => {
  const place = createStateFile(path).persisted('a', 'quota')
  await place.save(1)
  const boom = place.update?.(() => { throw new Error('boom') })
  const after = place.save(2)
  await expect(boom).rejects.toThrow('boom')
  await after
  expect(await place.load()).toBe(2)
})

test('forgets the accounts written longest ago beyond fifty', async () => {
  await mkdir(join(folder, 'deep'))
  const accounts = Object.fromEntries(Array.from({ length: 60 }, (_value, index) => [`account-${index}`, { quota: index }]))
  await writeFile(path, JSON.stringify({ accounts }))
  await createStateFile(path).persisted('newest', 'quota').save(1)
  const kept = Object.keys((JSON.parse(await readFile(path, 'utf8')) as { accounts: object }).accounts)
  expect(kept).toHaveLength(50)
  expect([kept[0], kept.at(-1)]).toEqual(['account-11', 'newest'])
})

test.skipIf(process.platform === 'win32' || process.getuid?.() === 0)('a folder that may not be written is an error of the write', async () => {
  await chmod(folder, 0o500)
  await expect(createStateFile(path).persisted('a', 'quota').save(1)).rejects.toMatchObject({ code: 'EACCES' })
  await chmod(folder, 0o700)
})

test('a path that is no file is an error of the write and of the read', async () => {
  await mkdir(path, { recursive: true })
  const place = createStateFile(path).persisted('a', 'quota')
  await expect(place.load()).rejects.toMatchObject({ code: 'not_a_file' })
  await expect(place.save(1)).rejects.toMatchObject({ code: 'not_a_file' })
})
