/**
 * config/ owns what a user, a project or a host may set: the provider's options, bundles, settings, and where
 * every value came from. It refuses to know what the options do: no model, no credential, no socket.
 *
 * Mounting needs the options alone, so the loaders bring their parsers and validators only when they run.
 */
export { admitCallerConfig, admitWritten } from './admit-caller-config.js'
export type { CallerContext } from './admit-caller-config.js'
export { buildMountPlan } from './build-mount-plan.js'
export { expandVariables } from './expand-variables.js'
export type { Environment } from './expand-variables.js'
export { describeFinding } from '../documents/index.js'
export type { Finding, ValueFinding } from '../documents/index.js'
export { judgeConfig } from './judge-config.js'
export type { JudgeContext, Refusal } from './standing.js'
export { loadBundle, validateBundle } from './load-bundle.js'
export type { Bundle } from './bundle.js'
export { loadSettings } from './load-settings.js'
export type { Settings, SettingsFile, SettingsOptions } from './settings.js'
export { mergeMountConfig } from './merge-mount-config.js'
export type { SpawnConfig } from './merge-mount-config.js'
export { isOurModule, MODULE_ID } from './module-entry.js'
export { configSchema, listOptionNames } from './option-schema.js'
export type { ProviderConfig } from './generated/provider-config.js'
export { USER_ONLY_OPTIONS } from './trust-table.js'
export type { ProviderOptions, ServedModelPolicy, TokenStoreKind, TransportChoice } from './options.js'
export { attachOrigins, describeOrigin, listOrigins, ORIGIN, originOf, originsOf } from '../documents/index.js'
export type { Origin, OriginMap, Shadowed } from '../documents/index.js'
export { resolveOptions } from './resolve-options.js'
export type { ResolveContext, ResolvedOptions } from './resolve-options.js'
export { suggestName } from './suggest-name.js'
