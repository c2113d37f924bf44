/** The page's way to another sealing key and to another machine, command by command, over a real Redis and the twin. */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { startRedis } from '../support/redis.js'
import { openCommandLine, type CommandLine } from './support.js'

const installed = spawnSync('redis-server', ['--version']).status === 0
if (!installed) process.stderr.write('skipped: another sealing key, because no redis-server is installed\n')

const key = (byte: number) => Buffer.alloc(32, byte).toString('base64')

async function openFleet() {
  const line = await openCommandLine()
  const redis = await startRedis(line.home)
  onTestFinished(async () => {
    await redis.stop()
    await line.close()
  })
  const run = (words: string[], sealingKey: string) =>
    line.run([...words, '--config', 'token_store=redis', '--config', `redis_url=${redis.url}`], { env: { AMPLIFIER_CHATGPT_STORE_KEY: sealingKey } })
  expect(await run(['login'], key(1))).toMatchObject({ code: 0 })
  return { line, run }
}

/** The commands of the page's block that begins with `export`. */
function readCommands(page: string, end: string): string[] {
  const text = readFileSync(new URL(`../../docs/${page}`, import.meta.url), 'utf8')
  const [, block = ''] = new RegExp(`\`\`\`sh\\n(amplifier-chatgpt export [^\`]*?${end}[^\`]*)\`\`\``).exec(text) ?? []
  return block.split('\n').map((line) => line.replace(/\s+#.*/, '')).filter((line) => line !== '')
}

async function obey(line: CommandLine, commands: string[], run: (words: string[], sealingKey: string) => ReturnType<CommandLine['run']>): Promise<void> {
  let sealingKey = key(1)
  for (const command of commands.flatMap((each) => each.split(' && '))) {
    const [program, ...words] = command.split(' ').map((word) => word.replace(/^sign-in\.json$/, join(line.home, 'sign-in.json')))
    if (program === 'export') sealingKey = key(2)
    else if (program === 'rm') await rm(words[0] ?? '')
    else expect([command, (await run(words, sealingKey)).code]).toEqual([command, 0])
  }
}

describe.runIf(installed)('a sign-in in Redis', () => {
  test('is sealed with another key by the commands of the page, and refreshes go on', async () => {
    const { line, run } = await openFleet()
    const commands = readCommands('fleet.md', 'STORE_KEY')
    expect(commands.map((command) => command.split(' ').slice(0, 3).join(' '))).toEqual([
      'amplifier-chatgpt export sign-in.json', 'amplifier-chatgpt logout --local', 'export AMPLIFIER_CHATGPT_STORE_KEY="$(openssl rand', 'amplifier-chatgpt import sign-in.json',
    ])
    await obey(line, commands, run)
    expect(line.twin.revocations).toEqual([])
    line.twin.expireAccessTokens()
    expect(await run(['run', 'on'], key(2))).toMatchObject({ code: 0, stdout: 'You said: on\n', stderr: '' })
  })

  test('that the key does not open is told before anybody is asked to sign in, and forgotten by logout --local', async () => {
    const { line, run } = await openFleet()
    const refused = await run(['login'], key(2))
    expect(refused).toMatchObject({ code: 3, stderr: expect.stringContaining('run amplifier-chatgpt logout --local with the new one') as string })
    expect(refused.stderr).not.toContain('/codex/device')
    expect(await run(['logout', '--local', '--json'], key(2))).toMatchObject({ code: 0, stdout: expect.stringContaining('"nothing"') as string })
    expect(await run(['login'], key(2))).toMatchObject({ code: 0 })
    expect(line.twin.revocations).toEqual([])
  })
})

test('a sign-in that was carried over is not ended by forgetting it where it was', async () => {
  const line = await openCommandLine()
  onTestFinished(() => line.close())
  await line.run(['login'])
  const file = join(line.home, 'carried.json')
  const there = ['--token-file', join(line.home, 'there.json')]
  expect((await line.run(['export', file])).stdout).toContain('amplifier-chatgpt logout --local')
  expect(await line.run(['import', file, ...there])).toMatchObject({ code: 0 })
  expect(await line.run(['logout', '--local'])).toMatchObject({ code: 0, stdout: expect.stringContaining('nothing was ended at the server') as string })
  expect((await line.run(['status'])).code).toBe(3)
  line.twin.expireAccessTokens()
  expect(await line.run(['run', 'on', ...there])).toMatchObject({ code: 0, stdout: 'You said: on\n' })
  expect(line.twin.revocations).toEqual([])
})
