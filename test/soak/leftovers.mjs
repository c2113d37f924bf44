/** What a process holds besides its memory, against an earlier moment; and its heap when nothing runs. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** Standard streams and files that are being read come and go by themselves. */
const PASSING = new Set(['TTYWrap', 'PipeWrap', 'FSReqPromise', 'FSReqCallback'])

function countResources() {
  const counts = {}
  for (const name of process.getActiveResourcesInfo()) if (!PASSING.has(name)) counts[name] = (counts[name] ?? 0) + 1
  return counts
}

const countListeners = () => Object.fromEntries(process.eventNames().map((name) => [String(name), process.listenerCount(name)]))

const grown = (now, before) => Object.entries(now).filter(([name, count]) => count > (before[name] ?? 0)).map(([name, count]) => `${name} ${before[name] ?? 0} → ${count}`)

export function watchLeftovers() {
  const resources = countResources()
  const listeners = countListeners()
  return {
    /** What there is more of than at the start, once the loop has had its rounds to close what is closed. */
    async read() {
      const left = () => grown(countResources(), resources)
      const deadline = performance.now() + 3_000
      while (left().length > 0 && performance.now() < deadline) await new Promise((resolve) => setImmediate(resolve))
      return { resources: left(), listeners: grown(countListeners(), listeners) }
    },
  }
}

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc')

/** Bytes in use after everything unreachable is gone. */
export async function measureHeap() {
  for (let round = 0; round < 3; round++) {
    collect()
    await new Promise((resolve) => setImmediate(resolve))
  }
  return process.memoryUsage().heapUsed
}
