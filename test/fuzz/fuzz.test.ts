import * as grpc from '@grpc/grpc-js'
import { expect, test } from 'vitest'
import { createChatGPT } from '../../src/ai-sdk/index.js'
import { createCredentialSource, createFileStore, createLane } from '../../src/auth/index.js'
import { isLLMError } from '../../src/contract/index.js'
import { createGrpcServer } from '../../src/grpc/index.js'
import { createHttpServer } from '../../src/http/index.js'
import { delay } from '../../src/lib/index.js'
import { mountOnHost } from '../../src/mount-on-host.js'
import { createTransport } from '../../src/transport/index.js'
import { loadServices } from '../support/open-grpc-server.js'
import { createAuthority } from '../transport/support/certificate.js'

interface Outcome {
  asked: number
  wrong: string[]
}
interface Terms {
  seed: number
  more?: (count: number, asked: number) => boolean
  only?: number
  cells?: number
  tls?: boolean
}
interface Attempt { accepted: boolean; ended: boolean; over?: boolean }
interface Streams { fuzzStreams(rooms: object, options: Terms): Promise<Outcome & { byDoor: Record<string, number>; network?: { tunnels: number } }>; KINDS: string[] }
interface Refreshes { fuzzRefreshes(rooms: object, options: Terms): Promise<Outcome> }
interface Server { judge(attempt: Attempt, text: string): void }
interface Mutate { findMarks(text: string): string[]; markOf(n: number | string): string }

const rooms = { mountOnHost, createChatGPT, createHttpServer, createGrpcServer, grpc, loadServices, createAuthority, isLLMError, delay, createCredentialSource, createFileStore, createLane, createTransport }
/** The same cases on each machine; `npm run fuzz` takes others. */
const seed = Number(process.env['FUZZ_SEED'] ?? 20261121)
const { fuzzStreams, KINDS } = (await import('./streams.mjs' as string)) as Streams
const { fuzzRefreshes } = (await import('./refreshes.mjs' as string)) as Refreshes
const { judge } = (await import('./server.mjs' as string)) as Server
const { findMarks, markOf } = (await import('./mutate.mjs' as string)) as Mutate

/** A short run of `npm run fuzz`, as many as a slow machine does in time. */
test(`mutated answers of seed ${seed} bring no wrong answer, no repetition, no hang and no untyped error through any door`, async () => {
  const until = performance.now() + 6000
  // Each door once at least, also where that takes longer.
  const { asked, byDoor, wrong } = await fuzzStreams(rooms, { seed, cells: 1, more: (_count, all) => all < KINDS.length || (all < 400 && performance.now() < until) })
  expect(wrong).toEqual([])
  expect(Object.keys(byDoor).sort()).toEqual([...KINDS].sort())
  expect(asked).toBeGreaterThanOrEqual(KINDS.length)
}, 90_000)

/** The same behind TLS and a published proxy that dies now and then. */
test(`mutated answers of seed ${seed} bring none of that through a proxy that wants a password and dies`, async () => {
  const until = performance.now() + 4000
  const { byDoor, wrong, network } = await fuzzStreams(rooms, { seed, tls: true, cells: 1, more: (_count, all) => all < KINDS.length || (all < 200 && performance.now() < until) })
  expect(wrong).toEqual([])
  expect(Object.keys(byDoor).sort()).toEqual([...KINDS].sort())
  expect(network?.tunnels).toBeGreaterThan(KINDS.length)
}, 90_000)

test(`mutated refresh replies of seed ${seed} lose no sign-in`, async () => {
  const until = performance.now() + 3000
  const { asked, wrong } = await fuzzRefreshes(rooms, { seed, more: (count) => count < 60 && performance.now() < until })
  expect(wrong).toEqual([])
  expect(asked).toBeGreaterThan(3)
}, 60_000)

/** Seeds and questions that failed once, by the generator as it stands. */
const KEPT: readonly (readonly [seed: number, question: number])[] = [
  // Over gRPC a character that was cut in halves was lost in the stream.
  [20261121, 8],
  // An error whose words hold half a character threw in the gRPC library, outside of any promise, and its call never ended.
  [1101, 8666], [1102, 29186],
  // An answer that ends in half a character: the stream left it out, the whole answer did not.
  [1101, 24902], [1102, 28700],
]
test.each(KEPT)('seed %i, question %i, which failed once, holds', async (kept, only) => {
  expect((await fuzzStreams(rooms, { seed: kept, only })).wrong).toEqual([])
}, 60_000)

/** Where the rig was wrong and not what it judges: what came then, whatever the generator makes of those seeds now. */
test('the rig takes a frame with an error and no type of its own as the end of an attempt that was not accepted', () => {
  for (const frame of ['{"error":{"code":"websocket_connection_limit_reached"}}', '{"type":10000000000000,"error":{"code":"websocket_connection_limit_reached"}}']) {
    const attempt: Attempt = { accepted: false, ended: false }
    judge(attempt, frame)
    judge(attempt, '{"type":"response.created","response":{"id":"resp_37","status":"in_progress"}}')
    expect(attempt).toEqual({ accepted: false, ended: false, over: true })
  }
})

test('the rig takes a piece of an own mark that came twice for no mark of another answer', () => {
  const mark = markOf(264)
  for (let from = 0; from < mark.length; from += 1) {
    for (let to = from + 1; to <= mark.length; to += 1) {
      expect(findMarks(mark.slice(0, to) + mark.slice(from)).filter((found) => found !== mark)).toEqual([])
    }
  }
  expect(findMarks(`${markOf(7)} and ${markOf('79999')}`)).toEqual([markOf(7), markOf('79999')])
})
