import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { createHttpServer } from '../../src/http/index.js'
import { mountOnTwin } from '../support/mounted.js'

const judge = join(import.meta.dirname, '..', '..', '..', 'shared', 'open-responses', 'judge.mjs')
const isThere = existsSync(judge)
if (!isThere) console.log(`the Open Responses judge is skipped: ${judge} is not there`)

interface Verdict {
  passed: number
  failed: number
  results: { id: string; passed: boolean; reasons: string[] }[]
}

const run = (baseUrl: string, key: string): Promise<Verdict> => new Promise((resolve, reject) => {
  const words = [judge, '--base-url', baseUrl, '--api-key', key, '--model', 'gpt-5.5', '--set', 'suite,drafts,spec', '--json']
  execFile(process.execPath, words, (error, stdout, stderr) => (stdout === '' ? reject(new Error(stderr, { cause: error })) : resolve(JSON.parse(stdout) as Verdict)))
})

/** The suite asks about the weather and expects a call; the stand-in calls a tool only where it is told to. */
const weatherCall = {
  toolCalls: [{ name: 'get_weather', arguments: { location: 'San Francisco, CA' } }],
  match: (_request: unknown, items: readonly Record<string, unknown>[]) => /What's the weather/.test(JSON.stringify(items)),
}

describe.skipIf(!isThere)('the public suite of Open Responses', () => {
  test.each(['sse', 'websocket'])('passes whole over an upstream of %s', async (transport) => {
    const mounted = await mountOnTwin({ config: { transport } })
    const server = await createHttpServer({ provider: mounted.provider, key: 'made-up-key' })
    try {
      mounted.twin.enqueue(weatherCall, weatherCall)
      const { passed, results } = await run(server.baseUrl, 'made-up-key')
      expect(results.filter((result) => !result.passed)).toEqual([])
      expect(passed).toBe(43)
    } finally {
      await server.close()
      await mounted.close()
    }
  }, 120_000)
})
