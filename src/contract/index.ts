/**
 * contract/ owns the words that cross to the host: chat objects, events, errors, the coordinator.
 * It refuses to know how any of it is produced, and does no I/O.
 */
export type {
  ChatRequest, ChatResponse, ContentBlock, Degradation, FinishReason, HostedBlock, ImageBlock, Json, JsonObject, Message,
  ReasoningBlock, ReasoningProvenance, RedactedThinkingBlock, ResponseFormat, Role, TextBlock, ThinkingBlock,
  ToolCall, ToolCallBlock, ToolResultBlock, ToolSpec, Usage, Visibility,
} from './chat.js'
export type { AnswerEvent, BlockEvent, BlockKind, ItemToken, PartPlace } from './block-event.js'
export type {
  AgentPlan, Cancellation, Cleanup, Coordinator, HookAction, HookHandler, HookResult, Hooks, ModuleDescriptor,
  MountPlan, MountPlanEntry,
} from './coordinator.js'
export { ROUTING_HOOKS } from './coordinator.js'
export {
  AbortError, AccessDeniedError, AuthenticationError, ConfigurationError, ContentFilterError, ContextLengthError,
  InvalidRequestError, InvalidToolCallError, LLMError, LLMTimeoutError, NetworkError, NotFoundError,
  ProviderUnavailableError, QuotaExceededError, RateLimitError, StreamError, describeError, isLLMError, withCode,
} from './errors.js'
export type { AnyLLMError, LLMErrorFields, LLMErrorName } from './errors.js'
export { EVENTS, OBSERVABILITY_EVENTS } from './events.js'
export type { EventKey, EventName, EventPayloads, StreamBlockType } from './events.js'
export { parseTraceparent, readTraceContext } from './trace-context.js'
export { watchTogether } from './call-observer.js'
export type { CallObserver, CallPhase, CallWatch, ObservedCall, TraceContext } from './call-observer.js'
export type { CallOptions, WireSource, ConfigField, ConfigFieldType, ModelInfo, ModelPricing, Provider, ProviderInfo, ResponseStream } from './provider.js'
export { isServable, KNOWN_ROLES } from './route.js'
export type { AdmissionRecord, AdmissionWindow,
  CacheReceipt, CallerContext, CandidateStatus, CandidateVerdict, ClampRecord, Intent, QuotaWindow,
  RolePinRecord, RouteAttempt, RouteReceipt,
} from './route.js'
export { LANE_NAMES, LANE_WORDS, LANES, laneRow } from './lanes.js'
export type { Billing, LaneName } from './lanes.js'
export { modelFamily, parseModelName, parseRoleName, SPEED_TIERS, toWireEffort, wireTierOf, withoutDate } from './model-name.js'
export type { ModelName } from './model-name.js'
export type { StreamErrorInfo, StreamEvent, StreamEventBody } from './stream-event.js'
