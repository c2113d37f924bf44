import { AuthenticationError, type Provider } from '../contract/index.js'
import { attachOrigins, originsOf } from '../config/index.js'
import { createHost, type Host } from '../host/index.js'
import { createModule } from '../index.js'
import type { CallEvents } from './call-events.js'
import { judgeSent, type SentConfig } from './judge-sent.js'

export interface MountSlot {
  /** The mounted provider; mounts where nothing is mounted, or the last try failed. @throws LLMError */
  provider(): Promise<Provider>
  /** Takes down what is mounted and mounts with what was sent laid over the server's own config. @throws LLMError */
  mount(sent: SentConfig): Promise<void>
  /** Takes down what is mounted; the next call mounts again. */
  unmount(): Promise<void>
  readonly lastWarning: string | undefined
}

/** Whose mount it is: the ids that its events carry, and that name its conversation. */
export interface MountSession {
  sessionId?: string
  parentId?: string
}

interface Mounted {
  host: Host
  provider: Provider
}

/** One mount of a sidecar, made when it is first needed, never asking anybody to sign in. */
export function createMountSlot(
  base: Record<string, unknown>, events: CallEvents, warn: (message: string) => void, session: MountSession = {},
): MountSlot {
  let config = base
  let current: Promise<Mounted> | undefined
  let lastWarning: string | undefined

  const note = (message: string) => {
    lastWarning = message
    warn(message)
  }
  const begin = async (): Promise<Mounted> => {
    const module = createModule({ warn: note })
    const mountConfig = attachOrigins({ ...config, login_on_mount: false }, originsOf(config))
    const host = createHost({ config: { providers: [{ module: module.id, config: mountConfig }] }, modules: { [module.id]: module }, warn: note, ...session })
    try {
      events.listen(host.coordinator.hooks)
      const cleanup = await module.mount(host.coordinator, mountConfig)
      if (!cleanup) throw new AuthenticationError(lastWarning ?? 'nobody is signed in. Run amplifier-chatgpt login', { code: 'not_signed_in' })
      host.coordinator.registerCleanup(cleanup)
      await host.coordinator.hooks.emit('session:start', {})
      return { host, provider: host.coordinator.get('providers', 'openai-chatgpt') as Provider }
    } catch (error) {
      await host.close()
      throw error
    }
  }
  const ensure = (): Promise<Mounted> => {
    if (current) return current
    const started = begin()
    current = started
    // Somebody may sign in meanwhile: a failed mount is tried again by the next call.
    started.catch(() => { if (current === started) current = undefined })
    return started
  }
  const unmount = async () => {
    const ending = current
    current = undefined
    await ending?.then(({ host }) => host.close(), () => undefined)
  }
  return {
    provider: async () => (await ensure()).provider,
    async mount(sent) {
      await unmount()
      config = await judgeSent(base, sent)
      await ensure()
    },
    unmount,
    get lastWarning() { return lastWarning },
  }
}
