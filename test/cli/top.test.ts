import { afterAll, beforeAll, expect, test } from 'vitest'
import { createPageDescriber } from '../../src/cli/describe-page.js'
import { createHttpServer, type HttpServer } from '../../src/http/index.js'
import { createPage } from '../../src/page/index.js'
import { createLiveBoard } from '../../src/usage/index.js'
import { ask, mountOnTwin, type Mounted } from '../support/mounted.js'
import { openCommandLine, type CommandLine } from './support.js'

let cli: CommandLine
let mounted: Mounted
let server: HttpServer
beforeAll(async () => {
  cli = await openCommandLine()
  const board = createLiveBoard()
  mounted = await mountOnTwin({ parts: { observers: [board] } })
  server = await createHttpServer({ provider: mounted.provider, key: 'made-up', page: createPage({ board, describe: createPageDescriber({ provider: mounted.provider, resolver: undefined }) }) })
  mounted.twin.enqueue({ text: 'one', usage: { input_tokens: 100, input_tokens_details: { cached_tokens: 40 }, output_tokens: 7, output_tokens_details: { reasoning_tokens: 0 }, total_tokens: 107 } })
  await mounted.provider.complete(ask('hello', { metadata: { agent: 'an-agent-with-a-name-that-is-long' } }))
}, 60_000)
afterAll(async () => {
  await server.close()
  await mounted.close()
  await cli.close()
})

test('top shows the server\'s figures in 80 columns, once in a pipe', async () => {
  const { code, stdout } = await cli.run(['top', '--url', server.baseUrl], { env: { AMPLIFIER_CHATGPT_HTTP_KEY: 'made-up' } })
  expect([code, stdout]).toEqual([0, expect.stringContaining('1 ended, 0 failed; 100 in (40 cached), 7 out')])
  expect(stdout).toMatch(/gpt-5\.5 .* an-agent-with-a… done/)
  expect(Math.max(...stdout.split('\n').map((line) => [...line].length))).toBeLessThanOrEqual(80)
})

test('top says what is missing, and which key is wrong', async () => {
  expect(await cli.run(['top'])).toMatchObject({ code: 2, stderr: expect.stringContaining('--url') })
  expect(await cli.run(['top', '--url', server.baseUrl])).toMatchObject({ code: 2, stderr: expect.stringContaining('AMPLIFIER_CHATGPT_HTTP_KEY') })
  expect(await cli.run(['top', '--url', server.baseUrl], { env: { AMPLIFIER_CHATGPT_HTTP_KEY: 'other' } })).toMatchObject({ code: 3 })
})
