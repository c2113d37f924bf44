import { afterEach, expect, test } from 'vitest'
import type { StreamEvent } from '../../src/contract/index.js'
import { ask, mountOnTwin, type Mounted } from '../support/mounted.js'

const open: Mounted[] = []
afterEach(async () => {
  for (const mounted of open.splice(0)) await mounted.close()
})

test.each(['sse', 'websocket'] as const)('events stay numbered without gaps where the caller aborts in the middle of a batch, over %s', async (transport) => {
  const mounted = await mountOnTwin({ config: { transport } })
  open.push(mounted)
  mounted.twin.enqueue({ text: 'word '.repeat(60), deltaChars: 5, stallAfterEvents: 40 })
  const controller = new AbortController()
  const seen: StreamEvent[] = []
  for await (const event of mounted.provider.stream(ask('x'), { signal: controller.signal })) {
    seen.push(event)
    if (seen.length === 6) controller.abort()
  }
  expect(seen.at(-1)).toMatchObject({ type: 'error', error: { type: 'AbortError' } })
  expect(seen.map(({ seq }) => seq)).toEqual(seen.map((_event, index) => index))
})
