import { admitCallerConfig, admitWritten } from '../config/index.js'
import type { Coordinator } from '../contract/index.js'
import type { ChatGPTProvider } from '../index.js'
import { mountOnHost, type HostMount } from '../mount-on-host.js'
import type { CallEvents } from './call-events.js'

export interface SentConfig {
  config: Record<string, unknown>
  /** what was written to the mounted provider's config since: a role pin's text may be a project's. Default: nothing */
  written?: Record<string, unknown>
  /** the host program said in code that it built the plan itself; default false */
  isHostBuilt?: boolean
  /** nobody asked the caller for a secret; default false */
  isAnonymous?: boolean
}

export interface MountSlot {
  /** The mounted provider; mounts where nothing is mounted, or the last try failed. @throws LLMError */
  provider(): Promise<ChatGPTProvider>
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

/** What every mount of a sidecar is given. */
export interface SlotContext {
  events: CallEvents
  warn: (message: string) => void
  /** sees each mount's coordinator before its first call */
  prepare?: ((coordinator: Coordinator) => void) | undefined
}

/** One mount of a sidecar, made when it is first needed, never asking anybody to sign in. */
export function createMountSlot(
  base: Record<string, unknown>, { events, warn, prepare }: SlotContext, session: MountSession = {},
): MountSlot {
  let sent: SentConfig | undefined
  let current: Promise<HostMount> | undefined
  let lastWarning: string | undefined
  let lastFailure: string | undefined

  const note = (message: string) => {
    lastWarning = message
    warn(message)
  }
  // Judged at every try: a refused Mount stays refused until the user's own settings say the same, and nothing mounts instead.
  const admit = async () => {
    const { config: own = {}, written = {}, ...caller } = sent ?? {}
    return sent ? admitWritten(await admitCallerConfig(own, { base, ...caller }), written, { warn: note }) : base
  }
  const begin = () => admit().then((config) => mountOnHost({
    config,
    parts: { warn: note },
    session,
    prepare(coordinator) {
      events.listen(coordinator.hooks)
      prepare?.(coordinator)
    },
  })).then((mount) => {
    lastFailure = undefined
    return mount
  }, (error: unknown) => {
    const failure = error instanceof Error ? error.message : String(error)
    // Every call tries again, and each throws it: once is enough to read.
    if (failure !== lastFailure) note(failure)
    lastFailure = failure
    throw error
  })
  const ensure = (): Promise<HostMount> => {
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
    await ending?.then((mount) => mount.close(), () => undefined)
  }
  return {
    provider: async () => (await ensure()).provider,
    async mount(config) {
      await unmount()
      sent = config
      await ensure()
    },
    unmount,
    get lastWarning() { return lastWarning },
  }
}
