import { readFileSync } from 'node:fs'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { parsePreset, readRecording } from '../../src/routing/index.js'
import { openCommandLine, type CommandLine } from '../cli/support.js'

const page = readFileSync(new URL('../../docs/routing.md', import.meta.url), 'utf8')
const snippets = (language: string): string[] => [...page.matchAll(new RegExp(`\`\`\`${language}[^\\n]*\\n([\\s\\S]*?)\`\`\``, 'g'))].map((match) => match[1] as string)
const wordsOf = (line: string): string[] => [...line.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(([, double, single, bare]) => double ?? single ?? bare ?? '').slice(1)

describe('docs/routing.md', () => {
  let cli: CommandLine
  let file: string
  beforeAll(async () => {
    cli = await openCommandLine()
    file = join(cli.home, 'day.jsonl')
    expect((await cli.run(['login'])).code).toBe(0)
    for (const role of ['fast', 'coding', 'coding']) expect((await cli.run(['run', 'Say a secret word', '--role', role, '--record', file])).code).toBe(0)
  })
  afterAll(() => cli.close())

  test('every command that ends is run as it stands', async () => {
    const lines = snippets('sh').flatMap((text) => text.trim().split('\n')).filter((line) => !line.includes('serve'))
    expect(lines.length).toBeGreaterThan(7)
    for (const line of lines) {
      const { code, stderr } = await cli.run(wordsOf(line).map((word) => (word === 'day.jsonl' ? file : word)))
      expect([line, code, stderr]).toEqual([line, 0, ''])
    }
  })

  test('its preset is one', () => {
    const [, text = ''] = snippets('yaml')
    expect(parsePreset(parse(text) as Record<string, unknown>)).toMatchObject({ inherit: 'strict' })
  })

  test('a recording says who served at what cost, and nothing that was said', async () => {
    const text = await readFile(file, 'utf8')
    const records = readRecording(text, file)
    expect(records.slice(0, 2)).toEqual([
      { type: 'catalog', version: 1, time: expect.any(String) as string, provider: 'openai-chatgpt', models: expect.arrayContaining(['gpt-6.1-sol', 'gpt-6-luna']) as string[] },
      {
        type: 'call', version: 1, time: expect.any(String) as string, session_id: expect.any(String) as string, status: 'ok', duration_ms: expect.any(Number) as number,
        provider: 'openai-chatgpt', role: 'fast', roles: ['fast'], matrix: 'openai-chatgpt', model: 'gpt-6-luna', effort: 'medium',
        tokens: { input_tokens: expect.any(Number) as number, cached_tokens: 0, output_tokens: expect.any(Number) as number, reasoning_tokens: expect.any(Number) as number },
        windows: [
          { limit_id: 'codex', window_minutes: 300, used_percent: 12, resets_at: expect.any(String) as string, observed_at: expect.any(String) as string },
          { limit_id: 'codex', window_minutes: 10_080, used_percent: 34, resets_at: expect.any(String) as string, observed_at: expect.any(String) as string },
        ],
      },
    ])
    expect(text).not.toMatch(/secret word|acct_|eyJ/)
    if (process.platform !== 'win32') expect((await stat(file)).mode & 0o777).toBe(0o600)
  })

  test('replay asks nobody, and says the same in words and as JSON', async () => {
    const asked = cli.twin.requests.length
    const { stdout, code } = await cli.run(['routing', 'replay', file, '--override', 'coding=gpt-5.5:low', '--json'])
    const report = JSON.parse(stdout) as { calls: number; roles: { role: string; moved: number; predicted: { served: object[] } }[] }
    expect([code, report.calls]).toEqual([0, report.roles.reduce((sum, role) => sum + (role as unknown as { calls: number }).calls, 0)])
    expect(report.roles.find(({ role }) => role === 'coding')).toMatchObject({ moved: 2, predicted: { served: [{ model: 'gpt-5.5', effort: 'low', calls: 2 }] } })
    const told = await cli.run(['routing', 'replay', file, '--override', 'coding=gpt-9'])
    expect(told).toMatchObject({ code: 1, stdout: expect.stringMatching(/coding: 2 calls would not have resolved: openai-chatgpt\/gpt-9: none of \d+ models/) as string })
    expect(told.stdout).not.toContain('\u001b[')
    expect(cli.twin.requests.length).toBe(asked)
  })

  test('what is wrong is told with file, line, key and the next command', async () => {
    const broken = join(cli.home, 'broken.jsonl')
    await writeFile(broken, `${(await readFile(file, 'utf8')).split('\n')[0]}\n{"type":"call","version":1,"status":"ok"}\n`)
    const run = async (...words: string[]) => {
      const { code, stderr } = await cli.run(['routing', ...words])
      return [code, stderr]
    }
    expect(await run('replay', broken)).toEqual([2, expect.stringMatching(/broken\.jsonl:2: time must be a text\. Recordings are made with amplifier-chatgpt run --record FILE/)])
    expect(await run('replay', join(cli.home, 'none.jsonl'))).toEqual([2, expect.stringMatching(/there is no such file\. Make one with amplifier-chatgpt run --record FILE/)])
    expect(await run('replay', file, '--override', 'coding')).toEqual([2, expect.stringMatching(/--override takes role=model/)])
    expect(await run('replay', file, '--rate', 'x=y')).toEqual([2, expect.stringMatching(/--rate takes MODEL=FACTOR\*MODEL/)])
    expect(await run('replay', file, '--preset', 'strikt')).toEqual([2, expect.stringMatching(/preset\.delegation\.inherit='strikt' is not one of none, effort/)])
    expect(await run('diff', 'openai', 'no-such')).toEqual([2, expect.stringMatching(/no routing matrix no-such .* there is openai-chatgpt, openai|there is/)])
    expect((await cli.run(['run', 'x', '--record', join(cli.home, 'no', 'folder.jsonl')])).code).toBe(2)
  })

  test('diff shows what differs for a caller', async () => {
    const { stdout } = await cli.run(['routing', 'diff', 'openai-chatgpt', 'openai', '--caller', 'gpt-6-luna:low', '--json'])
    const { roles } = JSON.parse(stdout) as { roles: { role: string; same: boolean; a: object; b: object }[] }
    expect(roles.find(({ role }) => role === 'coding')).toEqual({
      role: 'coding', same: true, a: { provider: 'openai-chatgpt', model: 'gpt-6-luna', effort: 'low' }, b: { provider: 'openai-chatgpt', model: 'gpt-6-luna', effort: 'low' },
    })
    expect((await cli.run(['routing', 'diff', 'openai-chatgpt', 'openai'])).stdout).toMatch(/0 of 13 roles differ/)
  })
})
