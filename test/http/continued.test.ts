import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import OpenAI from 'openai'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createHttpServer, openResponseStore } from '../../src/http/index.js'
import { startTwin, type Twin } from '../../src/twin/index.js'
import { mountOnTwin } from '../support/mounted.js'

interface Sent {
  previous_response_id?: string
  input: unknown[]
}

/** What the backend was sent, by whether it continued and by how many items came. */
const describeSent = (twin: Twin, from: number): string[] => twin.responses().slice(from).map(({ body }) => {
  const { previous_response_id: previous, input } = body as unknown as Sent
  return `${previous === undefined ? 'anew' : 'on'} ${input.length}`
})

async function openEndpoint(twin: Twin, folder: string): Promise<{ client: OpenAI; close: () => Promise<void> }> {
  const mounted = await mountOnTwin({ on: twin, config: { transport: 'websocket' } })
  const server = await createHttpServer({ provider: mounted.provider, key: 'local-made-up-key', store: await openResponseStore({ kind: 'sqlite', folder }) })
  return {
    client: new OpenAI({ apiKey: 'local-made-up-key', baseURL: server.baseUrl, maxRetries: 0 }),
    async close() {
      await server.close()
      await mounted.close()
    },
  }
}

describe('a conversation continued by previous_response_id', () => {
  test('goes to the backend by its new items alone, after a restart with its whole history once', async () => {
    const twin = await startTwin()
    const folder = await mkdtemp(join(tmpdir(), 'continued-'))
    onTestFinished(async () => {
      await twin.close()
      await rm(folder, { recursive: true, force: true })
    })
    const ask = async (client: OpenAI, input: string, previous?: string): Promise<string> =>
      (await client.responses.create({ model: 'gpt-5.5', instructions: 'Be brief.', input, ...(previous === undefined ? {} : { previous_response_id: previous }) })).id
    const before = await openEndpoint(twin, folder)
    const first = await ask(before.client, 'one')
    const second = await ask(before.client, 'two', first)
    await ask(before.client, 'not kept', second)
    expect(describeSent(twin, 0)).toEqual(['anew 1', 'on 1', 'on 1'])
    const temporary = await before.client.responses.create({ model: 'gpt-5.5', input: 'x', store: false })
    await before.close()
    const from = twin.responses().length
    const after = await openEndpoint(twin, folder)
    onTestFinished(after.close)
    const third = await ask(after.client, 'three', second)
    const fourth = await ask(after.client, 'four', third)
    await ask(after.client, 'five', fourth)
    expect(describeSent(twin, from)).toEqual(['anew 7', 'on 1', 'on 1'])
    await expect(after.client.responses.retrieve(temporary.id)).rejects.toMatchObject({ status: 404 })
    await after.client.responses.delete(first)
    await expect(ask(after.client, 'six', fourth)).rejects.toMatchObject({ status: 400, code: 'previous_response_not_found' })
  })
})
