/** What a host gives a module: the coordinator, hooks and the mount plan. */

export type HookAction = 'continue' | 'deny' | 'modify' | 'inject_context' | 'ask_user'

/** What a handler wants done about an event; see the host's own contract for each action. */
export interface HookResult {
  action: HookAction
  data?: Record<string, unknown>
  reason?: string
  context_injection?: string
  context_injection_role?: string
  ephemeral?: boolean
  approval_prompt?: string
  approval_options?: string[]
  approval_timeout?: number
  approval_default?: string
  suppress_output?: boolean
  user_message?: string
  user_message_level?: string
  append_to_last_tool_result?: boolean
}

/** Nothing returned means `continue`. */
export type HookHandler = (
  event: string,
  data: Record<string, unknown>,
) => HookResult | undefined | void | Promise<HookResult | undefined | void>

/** The host's events: ours are emitted here. */
export interface Hooks {
  /** Lower priority runs first, ties by registration; default priority 0. Answers the unregister function. */
  register(event: string, handler: HookHandler, options?: { priority?: number; name?: string }): () => void
  emit(event: string, data: Record<string, unknown>): Promise<HookResult>
  /**
   * Optional in a host: whether anything listens to `event`. Where a host has it, the provider
   * leaves out the work for events that nobody hears.
   */
  hasHandlers?(event: string): boolean
}

/** Whether the session is being cancelled, and a call when it is. */
export interface Cancellation {
  readonly isCancelled: boolean
  readonly isGraceful: boolean
  readonly isImmediate: boolean
  /** Answers the function that takes the callback away again, where the host gives one. */
  onCancel(callback: () => void | Promise<void>): (() => void) | void
}

/** One module of a mount plan with its config; `id` names a second mount of the same module. */
export interface MountPlanEntry {
  module: string
  id?: string
  source?: string
  config?: Record<string, unknown>
  [extra: string]: unknown
}

/** Modules of a plan's `hooks` that put roles in force; where ours stands in for one, it obeys that one's config. */
export const ROUTING_HOOKS: readonly string[] = ['hooks-routing', 'routing']

/** An agent of a mount plan: which role it plays, or which models it prefers. */
export interface AgentPlan {
  model_role?: string | string[]
  provider_preferences?: { provider: string; model: string; config?: Record<string, unknown> }[]
  [extra: string]: unknown
}

/** What a session is made of. */
export interface MountPlan {
  session?: Record<string, unknown>
  providers?: MountPlanEntry[]
  tools?: MountPlanEntry[]
  hooks?: MountPlanEntry[]
  agents?: Record<string, AgentPlan>
  [extra: string]: unknown
}

/** Undoes a mount. Twice without harm. */
export type Cleanup = () => void | Promise<void>

/** What a host hands to each module it mounts. */
export interface Coordinator {
  readonly config: MountPlan
  readonly sessionId: string
  readonly parentId?: string | null
  readonly hooks: Hooks
  readonly cancellation: Cancellation
  mount(point: string, module: unknown, options?: { name?: string }): Promise<void>
  unmount(point: string, name?: string): Promise<void>
  /** Without a name all that is mounted at the point, by name. */
  get(point: string, name?: string): unknown
  registerCapability(name: string, value: unknown): void
  getCapability(name: string): unknown
  registerContributor(channel: string, name: string, callback: () => unknown): void
  collectContributions(channel: string): Promise<unknown[]>
  registerCleanup(cleanup: Cleanup): void
  cleanup(): Promise<void>
}

/** A module's default export. */
export interface ModuleDescriptor {
  id: string
  type: 'provider'
  mountPoint: 'providers'
  version: string
  /** JSON Schema of the mount config */
  configSchema: Record<string, unknown>
  mount(coordinator: Coordinator, config?: Record<string, unknown>): Promise<Cleanup | null>
  onSessionReady(coordinator: Coordinator): Promise<void>
}
