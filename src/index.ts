import { createModule } from './mount.js'

const descriptor = createModule()

/** Mounts the provider on a coordinator; null where it cannot serve, with one warning that says what to do. */
export const mount = descriptor.mount
/** Checks, once every module is mounted, that each role of the matrix has a live candidate. */
export const onSessionReady = descriptor.onSessionReady
export default descriptor

export { createModule } from './mount.js'
export { getProvider } from './get-provider.js'
export type { ChatGPTModule, ModuleParts, PlainConfig } from './module-parts.js'
export type { ProviderConfig } from './config/index.js'
export {
  AbortError, AccessDeniedError, AuthenticationError, ConfigurationError, ContentFilterError, ContextLengthError,
  EVENTS, InvalidRequestError, InvalidToolCallError, LLMError, LLMTimeoutError, NetworkError, NotFoundError,
  OBSERVABILITY_EVENTS, ProviderUnavailableError, QuotaExceededError, RateLimitError, StreamError, isLLMError,
} from './contract/index.js'
export type {
  AgentPlan, AnyLLMError, Billing, CacheReceipt, CallOptions, CandidateStatus, CandidateVerdict, Cancellation, ChatRequest, ChatResponse, Cleanup,
  ConfigField, ContentBlock, Coordinator, Degradation, EventKey, EventName, EventPayloads, FinishReason, HookHandler, HookResult, Hooks,
  LLMErrorFields, LLMErrorName, LaneName, Message, ModelInfo, ModuleDescriptor, MountPlan, MountPlanEntry, Provider, ProviderInfo,
  QuotaWindow, ReasoningProvenance, ResponseFormat, ResponseStream, Role, RouteAttempt, RouteReceipt, StreamErrorInfo,
  StreamEvent, ToolCall, ToolSpec, Usage,
} from './contract/index.js'
export { CONFIG_FIELDS as providerConfigFields } from './provider/index.js'
export type { ChatGPTProvider, Checkpoint, RawApi as RawDoors, RawEvent, RawSocket } from './provider/index.js'
export type { LoadResult, StoreLock, StoredCredential, StoredRecord, TokenStore } from './auth/index.js'
