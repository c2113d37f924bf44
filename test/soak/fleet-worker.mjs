/** One process of the fleet: a mount on the shared sign-in, and agents that ask one call after the other. Tells its parent what each came to. */
import { setTimeout as sleep } from 'node:timers/promises'

const { rooms: bundle, name, agents, config, skewMs, round } = JSON.parse(process.argv[2])
const rooms = await import(bundle)
const tell = (message) => process.connected && process.send(message)
process.on('disconnect', () => process.exit(0))

/** A process that begins while its host is cut off has no sign-in yet: it tries again. */
async function mount() {
  for (;;) {
    try {
      return await open()
    } catch (error) {
      if (error.name !== 'AuthenticationError') throw error
      await sleep(500)
    }
  }
}
const open = () => rooms.mountOnHost({ config, parts: { now: () => Date.now() + skewMs, warn: (message) => tell({ kind: 'warning', message }) } })
const mounted = await mount()
tell({ kind: 'ready' })

/** Tells of a moment for which the machine gave this process no time. */
let aliveMs = performance.now()
setInterval(() => {
  const forMs = performance.now() - aliveMs
  aliveMs += forMs
  if (forMs > 1500) tell({ kind: 'stood', forMs })
}, 100).unref()

async function work(agent) {
  const interactive = agent % 12 === 0
  for (let number = 0; ; number++) {
    const text = `fleet:${name}.${agent}.${round}.${number}`
    const request = { model: 'gpt-5.5', messages: [{ role: 'user', content: text }], conversation_id: `${name}.${agent}` }
    const beganMs = performance.timeOrigin + performance.now()
    try {
      const response = await mounted.provider.stream(request, { interactive }).response()
      tell({ kind: 'call', session: `${name}.${agent}`, interactive, beganMs, waitedMs: response.metadata?.route?.waited_ms ?? 0 })
    } catch (error) {
      tell({ kind: 'failed', session: `${name}.${agent}`, error: error.name, message: error.message })
      await sleep(200)
    }
  }
}
await Promise.all(Array.from({ length: agents }, (_, agent) => work(agent)))
