import { AuthenticationError, type Coordinator, type LLMError, type MountPlan } from './contract/index.js'
import { defined } from './lib/index.js'
import { MOUNT_NAME } from './container.js'
import type { ModuleParts } from './module-parts.js'
import { createHost, type Host } from './host/index.js'
import { createModule } from './mount.js'
import type { ChatGPTProvider } from './provider/index.js'
import type { ModelRoleResolver } from './routing/index.js'

export interface HostMountOptions {
  /** options of the mount, as `config` of a mount plan's entry has them */
  config?: Record<string, unknown>
  /** what the coordinator shows as its plan; default: our provider alone. Nothing else of it is mounted. */
  plan?: MountPlan
  /** the host's own parts; `now` is the host's clock too */
  parts?: ModuleParts
  /** ids that the host's events carry; default: a session of its own */
  session?: { sessionId?: string; parentId?: string }
  /** told the coordinator before anything is mounted, to register hooks */
  prepare?: (coordinator: Coordinator) => void
}

export interface HostMount {
  readonly host: Host
  readonly provider: ChatGPTProvider
  /** undefined where no matrix is in force */
  readonly resolver?: ModelRoleResolver
  /** Ends the session and takes the mount down; twice without harm. */
  close(): Promise<void>
}

/**
 * The module on an in-memory host of its own, up to the started session: what every server, the command line
 * and the AI SDK provider serve from. Where the host's own start would only warn, a failed mount rejects, with
 * the words that the mount gave as its reason.
 * @throws AuthenticationError `not_signed_in`, ConfigurationError and what else a mount throws
 */
export async function mountOnHost({ config = {}, plan, parts = {}, session = {}, prepare }: HostMountOptions = {}): Promise<HostMount> {
  const warn = parts.warn ?? ((message: string) => void process.stderr.write(`${message}\n`))
  let refusal: LLMError | undefined
  const named = session.sessionId === undefined ? {} : { session: nameSession(session.sessionId, session.parentId) }
  const module = createModule({ interactive: false, ...named, ...parts, warn, refused: (error) => void (refusal = error) })
  const host = createHost({
    config: plan ?? { providers: [{ module: module.id, id: MOUNT_NAME, config }] }, modules: { [module.id]: module }, warn, now: parts.now, ...session,
  })
  const { coordinator } = host
  try {
    prepare?.(coordinator)
    const cleanup = await module.mount(coordinator, config)
    if (!cleanup) throw new AuthenticationError(refusal?.words ?? 'nobody is signed in. Run amplifier-chatgpt login', { code: 'not_signed_in' })
    coordinator.registerCleanup(cleanup)
    await module.onSessionReady(coordinator)
    await coordinator.hooks.emit('session:start', {})
  } catch (error) {
    await host.close()
    throw error
  }
  let closed: Promise<void> | undefined
  const close = async () => {
    await coordinator.hooks.emit('session:end', {})
    await host.close()
  }
  return {
    host,
    provider: coordinator.get('providers', MOUNT_NAME) as ChatGPTProvider,
    resolver: coordinator.getCapability('model_role_resolver') as ModelRoleResolver | undefined,
    close: () => (closed ??= close()),
  }
}

function nameSession(id: string, parentId: string | undefined) {
  return { id, ...defined({ parentId }) }
}
