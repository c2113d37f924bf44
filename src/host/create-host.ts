import { randomUUID } from 'node:crypto'
import type { MountPlan } from '../contract/index.js'
import { sanitizeLine } from '../lib/index.js'
import { createCancellation, type CancelMode } from './cancellation.js'
import { buildChildPlan, type ProviderPreference } from './child-plan.js'
import { createCleanupStack } from './cleanup-stack.js'
import { createCoordinator, type HostCoordinator } from './coordinator.js'
import type { HostModule, LoadModuleOptions } from './load-module.js'
import { mountPlan } from './mount-plan.js'
import { createRegistry } from './registry.js'

export interface HostOptions {
  /** The mount plan. The coordinator's `config` is this very object: hooks write to it. Default: nothing to mount. */
  config?: MountPlan
  /** default: a random UUID */
  sessionId?: string
  parentId?: string | null
  /** modules by the name the plan calls them; what is not here is imported */
  modules?: Readonly<Record<string, HostModule>>
  /** true emits `session:resume` in place of `session:start`; default false */
  resume?: boolean
  /** Where warnings and the failures of handlers, contributors and cleanups go; default: a line on stderr. */
  warn?: (message: string) => void
  /** ms since 1970, for the events' timestamps */
  now?: () => number
  /**
   * Folder that relative sources of the program's own plan are meant from (default: the working directory), and whose
   * packages its modules may be (default: the folder of the program's main file, so that a project brings none). Sources
   * that a file says are meant from that file.
   */
  baseDir?: string
  /** default: `import()` */
  importModule?: LoadModuleOptions['importModule']
  /**
   * True loads modules by the `source` or name that a bundle or a project's settings give, also those that are not in
   * `modules`: such a file is code then. Default false: such an entry is not mounted, with a warning; the others are.
   */
  allowProjectCode?: boolean
}

export interface SpawnOptions {
  /** tried in order; default: the agent's own `provider_preferences` */
  provider_preferences?: readonly ProviderPreference[]
  sessionId?: string
}

export interface Host {
  readonly coordinator: HostCoordinator
  /**
   * Mounts the plan, runs every module's `onSessionReady`, emits `session:start` (or `session:resume`).
   * A second call answers the first one's promise. @throws Error after `close()`
   */
  start(): Promise<void>
  /**
   * Closes the children, emits `session:end` where it had started, runs the cleanups. Cancels what still
   * mounts. Twice without harm.
   */
  close(): Promise<void>
  /** Cancels this host's calls and its children's. */
  cancel(mode: CancelMode): Promise<void>
  /** Back to running after a cancellation, for the next turn. */
  resetCancellation(): void
  /**
   * A child host for an agent of the plan, not started yet: the same modules, the agent's own parts of
   * the plan merged over ours, its preference in force. It is closed with us, if not before.
   * @throws Error for an agent the plan doesn't have
   */
  spawn(agentName: string, options?: SpawnOptions): Host
}

function writeToStderr(message: string): void {
  process.stderr.write(`${message}\n`)
}

/** A small in-memory host that keeps the contract's coordinator and runs what the mount plan names. */
export function createHost(options: HostOptions = {}): Host {
  const { config = {}, sessionId = randomUUID(), parentId = null, modules = {}, now = Date.now } = options
  const sink = options.warn ?? writeToStderr
  // What files and modules are called stands in warnings: a terminal or a log must not obey it.
  const warn = (message: string) => sink(sanitizeLine(message))
  const registry = createRegistry()
  const cancellation = createCancellation(warn)
  const cleanups = createCleanupStack(warn)
  const coordinator = createCoordinator({ config, sessionId, parentId, registry, cancellation, cleanups, warn, now })
  const children = new Set<Host>()
  let started: Promise<void> | undefined
  let mounted = false
  let closed: Promise<void> | undefined

  const run = async () => {
    const loading: LoadModuleOptions = { modules, baseDir: options.baseDir, importModule: options.importModule, allowProjectCode: options.allowProjectCode === true }
    await mountPlan(config, { coordinator, registry, cleanups, loading, warn })
    mounted = true
    await coordinator.hooks.emit(options.resume ? 'session:resume' : 'session:start', {})
  }
  const end = async () => {
    await Promise.all([...children].map((child) => child.close()))
    if (started) {
      // A mount that waits for somebody (a sign-in) would hold the end up.
      if (!mounted) await cancellation.cancel('immediate')
      await started
      await coordinator.hooks.emit('session:end', {})
    }
    await coordinator.cleanup()
  }

  return {
    coordinator,
    start() {
      if (closed) return Promise.reject(new Error('this host is closed'))
      return (started ??= run())
    },
    close: () => (closed ??= end()),
    async cancel(mode) {
      await Promise.all([cancellation.cancel(mode), ...[...children].map((child) => child.cancel(mode))])
    },
    resetCancellation: () => cancellation.reset(),
    spawn(agentName, spawnOptions = {}) {
      const agents = config.agents ?? {}
      const agent = Object.hasOwn(agents, agentName) ? agents[agentName] : undefined
      if (!agent) throw new Error(`no agent ${agentName} in the plan; it has ${Object.keys(agents).join(', ') || 'none'}`)
      const preferences = spawnOptions.provider_preferences ?? agent.provider_preferences ?? []
      const child = createHost({
        ...options, warn, resume: false, parentId: sessionId, sessionId: spawnOptions.sessionId ?? randomUUID(),
        config: buildChildPlan(config, agent, preferences, warn),
      })
      children.add(child)
      child.coordinator.registerCleanup(() => void children.delete(child))
      const { isCancelled, isImmediate } = coordinator.cancellation
      if (isCancelled) void child.cancel(isImmediate ? 'immediate' : 'graceful')
      return child
    },
  }
}
