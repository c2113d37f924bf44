/**
 * twin/ owns a server that stands in for the real backend: the issuer's sign-ins, the model catalog, Responses
 * over SSE and WebSocket, quota, and every way in which these refuse or break. It is written from the backend's
 * protocol and refuses to know the client it judges: no room but contract's types and lib is imported.
 */
export { startTwin } from './start-twin.js'
export { DIRECT_SCOPE, PLAN_SCOPE } from './behaviour.js'
export { CODEX_CLIENT_ID } from './auth-device.js'
export { buildDefaultModels } from './default-models.js'
export type { TwinBehaviour } from './behaviour.js'
export type { AuthFault, RefreshOutcome } from './auth-faults.js'
export type { ExhaustDetails, RateLimits } from './rate-limits.js'
export type { RateWindow } from './plan-windows.js'
export type { PlanUse } from './behaviour.js'
export type {
  IssuedTokens, RecordingReply, RefusalReply, ScriptedReply, TokenOverrides, Twin, TwinFaults, TwinInterception,
  TwinOptions, TwinReply, TwinRequest,
} from './types.js'
