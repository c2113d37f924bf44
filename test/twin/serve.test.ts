import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startTwin } from '../../src/twin/index.js'
import { serveTwin } from '../../src/twin/serve.js'
import { ask, headersOf, post, readEvents, send, textOf, type Json } from './support/raw-client.js'

const root = fileURLToPath(new URL('../..', import.meta.url))
const control = async (url: string, word: string, ...values: unknown[]) => (await post(`${url}/__twin/${word}`, values)).json['result']

describe('a twin in a process of its own', () => {
  let folder: string
  beforeAll(() => {
    // compiled beside node_modules, so that `ws` is found; a build of the whole tree would take longer than these tests
    const cache = join(root, 'node_modules', '.cache')
    mkdirSync(cache, { recursive: true })
    folder = mkdtempSync(join(cache, 'twin-serve-'))
    writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
    for (const room of ['lib', 'twin']) {
      for (const file of readdirSync(join(root, 'src', room)).filter((name) => name.endsWith('.ts'))) {
        const { outputText } = ts.transpileModule(readFileSync(join(root, 'src', room, file), 'utf8'), {
          compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022, verbatimModuleSyntax: true },
        })
        const target = join(folder, room, file.replace(/\.ts$/, '.js'))
        mkdirSync(dirname(target), { recursive: true })
        writeFileSync(target, outputText)
      }
    }
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  test('prints its address, takes commands over loopback, and ends with its standard input', async () => {
    const child = spawn(process.execPath, [join(folder, 'twin', 'serve.js'), '{"accountId":"acct_9"}'], { stdio: ['pipe', 'pipe', 'inherit'] })
    const [line] = (await once(child.stdout, 'data')) as [Buffer]
    const { url, base_url: baseUrl, account_id: accountId } = JSON.parse(line.toString()) as Record<string, string>
    expect(accountId).toBe('acct_9')
    const tokens = (await control(url ?? '', 'issueTokens', {})) as Parameters<typeof headersOf>[0]
    await control(url ?? '', 'enqueue', { text: 'only for b', matchText: 'bbb' }, { text: 'scripted' })
    const turn = async (text: string) => textOf(readEvents((await post(`${baseUrl}/responses`, ask(text), headersOf(tokens))).text))
    expect([await turn('aaa'), await turn('bbb'), await turn('ccc')]).toEqual(['scripted', 'only for b', 'You said: ccc'])
    expect(await control(url ?? '', 'responses')).toMatchObject([{ status: 200 }, { status: 200 }, { status: 200 }])
    expect(await control(url ?? '', 'activity')).toEqual({ running: 0, peak: 1 })
    child.stdin.end()
    expect(await once(child, 'exit')).toEqual([0, null])
  })

  test('is told what is wrong with its options', async () => {
    const child = spawn(process.execPath, [join(folder, 'twin', 'serve.js'), '[1]'], { stdio: ['ignore', 'ignore', 'pipe'] })
    const [[text], [code]] = await Promise.all([once(child.stderr, 'data') as Promise<[Buffer]>, once(child, 'exit')])
    expect([text.toString(), code]).toEqual(["TypeError: the twin's options must be a JSON object, found: [1]\n", 2])
  })
})

describe('the control endpoint', () => {
  test('is closed unless switched on, and says which word it does not know', async () => {
    const closed = await startTwin()
    expect((await post(`${closed.url}/__twin/requests`, [])).status).toBe(404)
    const twin = await serveTwin({ options: undefined, write: () => undefined })
    expect((await post(`${twin.url}/__twin/nonsense`, [])).json).toEqual({ error: 'RangeError: the twin has no word nonsense' })
    expect((await send(`${twin.url}/__twin/requests`)).status).toBe(400)
    await control(twin.url, 'refuse', '/v1/models', { status: 418 })
    await control(twin.url, 'configure', { unknownModelStatus: 404 })
    await control(twin.url, 'exhaust', 'gpt-5.4', 4_000_000_000)
    expect((await send(`${twin.apiBaseUrl}/models`)).status).toBe(418)
    const headers = headersOf(twin.issueTokens())
    const statusOf = async (more: Json) => (await post(`${twin.baseUrl}/responses`, ask('a', more), headers)).status
    expect([await statusOf({ model: 'gpt-0' }), await statusOf({ model: 'gpt-5.4' })]).toEqual([404, 429])
    expect(twin.requests.every((entry) => !entry.path.startsWith('/__twin/'))).toBe(true)
    await Promise.all([closed.close(), twin.close()])
  })
})
