/**
 * provider/ owns a call from the request to the response: attempts, retries, conversations on live
 * connections, delegation along a list of candidates, and the events that tell the host of it. It refuses to know
 * how bytes travel, where credentials are kept and how a matrix is written.
 */
export { createProvider } from './create-provider.js'
export type { ChatGPTProvider } from './create-provider.js'
export type { Checkpoint } from './compaction.js'
export type { ProviderDeps, ProviderSettings, ResolvedRoute, RouteResolver } from './deps.js'
export type { RawApi, RawEvent, RawSocket } from './raw-api.js'
export { CONFIG_FIELDS } from './provider-info.js'
export type { Lineage, NamedSession } from './name-conversation.js'
