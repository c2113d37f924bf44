/**
 * host/ owns a small real host: registry, hooks, capabilities, contributions, cancellation, the mount plan
 * and children for agents. It refuses to know what it hosts: no provider, no model, no routing.
 */
export { createHost } from './create-host.js'
export type { Host, HostOptions, SpawnOptions } from './create-host.js'
export type { CancelMode } from './cancellation.js'
export type { ProviderPreference } from './child-plan.js'
export type { HostCoordinator } from './coordinator.js'
export type { HostHooks } from './hooks.js'
export type { HostModule } from './load-module.js'
