import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ContentBlock } from '../../src/contract/index.js'
import type { DoorUnderTest } from '../../src/conformance/index.js'
import { startTwin, type Twin } from '../../src/twin/index.js'
import { DOORS } from './doors.js'

const MEGABYTE = 1_000_000

describe.each(DOORS)('large requests: $name', ({ open }) => {
  let twin: Twin
  let door: DoorUnderTest
  beforeAll(async () => {
    twin = await startTwin()
    door = await open(twin)
  })
  afterAll(async () => {
    await door.close()
    await twin.close()
  })
  const ask = (content: string | ContentBlock[]) => door.complete({ model: 'gpt-5.5', messages: [{ role: 'user', content }] }, {})

  test('a prompt of 1 MB comes back with its usage', async () => {
    const { usage } = await ask('x'.repeat(MEGABYTE))
    expect(usage?.input_tokens).toBeGreaterThan(MEGABYTE / 10)
  })

  test('an image of 5 MB reaches the backend byte for byte', async () => {
    const data = Buffer.alloc(5 * MEGABYTE, 'made up').toString('base64')
    await ask([{ type: 'text', text: 'look' }, { type: 'image', source: { type: 'base64', media_type: 'image/png', data } }])
    expect(JSON.stringify(twin.responses().at(-1)?.body).includes(`data:image/png;base64,${data}`)).toBe(true)
  })

  test('a prompt over the context is refused as that, once', async () => {
    const before = twin.responses().length
    const thrown: unknown = await ask('x'.repeat(1.5 * MEGABYTE)).catch((error: unknown) => error)
    const failure = door.lastErrorOf ? door.lastErrorOf(thrown) : { kind: (thrown as Error).name, message: (thrown as Error).message }
    expect(failure).toMatchObject({ kind: 'ContextLengthError', message: expect.stringMatching(/context window/) as string })
    expect(twin.responses().slice(before).filter(({ body }) => (body as { generate?: boolean }).generate !== false)).toHaveLength(1)
  })
})
