/** The backend's habits that sources differ on, or that a test wants otherwise. `configure()` changes them at any time. */
export interface TwinBehaviour {
  /** where a token endpoint's refusal carries its code */
  authErrorShape: 'error.code' | 'error' | 'code'
  /** what a refused bearer of the codex lane is told */
  unauthorizedShape: 'detail' | 'error.code' | 'x-error-json'
  /** a reused refresh token also ends its successors */
  invalidateFamilyOnReuse: boolean
  previousResponseNotFoundShape: 'nested' | 'top_level' | 'message_only' | 'failed'
  unknownModelStatus: 400 | 404
  /** `default` as service_tier: refused in March 2026, taken since */
  defaultServiceTier: 'accept' | 'refuse'
  /** codex lane: a turn without `instructions`, as the newest Codex sends it; sources of mid-2026 were refused */
  missingInstructions: 'accept' | 'refuse'
  /** WebSocket: pongs to the client's pings */
  answerPings: boolean
  /** WebSocket: every message in a binary frame */
  binaryFrames: boolean
  /** asked-for model → the one that serves instead */
  servedModels: Record<string, string>
  /** whether response.completed repeats the output; default `empty` on the codex door, `full` on /v1 */
  terminalOutput?: 'empty' | 'full'
  /** the WebSocket's own events in front: codex.rate_limits, codex.response.metadata, response.metadata */
  extraEvents: boolean
  /** what the browser's user does: approves at once, says no, has no Codex, or sees a page with a button */
  browser: 'approve' | 'deny' | 'missing_entitlement' | 'page'
  /** codex lane: allowed ports of the browser redirect; absent takes any */
  redirectPorts?: readonly number[]
  /** plan lane: what the user grants */
  planScope: string
  earliestRefreshFormat: 'number' | 'iso' | 'null'
  /** turns of one account at once; one more answers 429 */
  maxConcurrent?: number
  /** WebSockets at once; one more is answered 403 */
  maxSockets?: number
  /** WebSocket age in ms after which a turn answers websocket_connection_limit_reached */
  socketLifetimeMs: number
  /** ms between the events of an answer that no reply asks otherwise for; default 0 */
  eventDelayMs: number
  /** how calls draw on the plan's windows, and how long models think; absent: the windows stay as they are set */
  planUse?: PlanUse
  /** prompt tokens below `minTokens` are never cached; hits come in whole steps */
  promptCache: { minTokens: number; stepTokens: number }
}

/**
 * What a completed answer draws: (uncached input + `cachedWeight` × cached input + `outputWeight` × output) × the
 * model's weight, as a share of what a window holds. A full window refuses every model with usage_limit_reached until its
 * reset, when it begins at 0 again. Answers that end in an error or are cut draw nothing.
 */
export interface PlanUse {
  /** decimals of the percentages that are told; default 2 */
  decimals?: number
  /** weighted tokens that a window holds */
  holds: { primary: number; secondary: number }
  /** default 0.1 */
  cachedWeight?: number
  /** default 8 */
  outputWeight?: number
  /** by slug; default 1 */
  models?: Readonly<Record<string, number>>
  /** reasoning tokens for each visible token of output, by effort, times `thinkingOf` the model; absent: as the answer's text has them */
  thinking?: Readonly<Record<string, number>>
  /** by slug; default 1 */
  thinkingOf?: Readonly<Record<string, number>>
}

/** The documented direct scope that lets an app use the plan's tokens. */
export const DIRECT_SCOPE = 'chatgpt.tokens.use.direct'
export const PLAN_SCOPE = `openid profile email offline_access resource.invoke ${DIRECT_SCOPE}`

export function createBehaviour(overrides: Partial<TwinBehaviour>): TwinBehaviour {
  const behaviour: TwinBehaviour = {
    authErrorShape: 'error.code',
    unauthorizedShape: 'detail',
    invalidateFamilyOnReuse: false,
    previousResponseNotFoundShape: 'nested',
    unknownModelStatus: 400,
    defaultServiceTier: 'accept',
    missingInstructions: 'refuse',
    answerPings: true,
    binaryFrames: false,
    servedModels: {},
    extraEvents: true,
    browser: 'approve',
    planScope: PLAN_SCOPE,
    earliestRefreshFormat: 'number',
    socketLifetimeMs: 3_600_000,
    eventDelayMs: 0,
    promptCache: { minTokens: 1024, stepTokens: 128 },
  }
  applyBehaviour(behaviour, overrides)
  return behaviour
}

/** Takes over what `overrides` names; keys that are no behaviour (other options) are passed over. */
export function applyBehaviour(behaviour: TwinBehaviour, overrides: Partial<TwinBehaviour>): void {
  const keys: (keyof TwinBehaviour)[] = [
    'authErrorShape', 'unauthorizedShape', 'invalidateFamilyOnReuse', 'previousResponseNotFoundShape',
    'unknownModelStatus', 'defaultServiceTier', 'missingInstructions', 'answerPings', 'binaryFrames', 'servedModels', 'terminalOutput',
    'extraEvents', 'browser', 'redirectPorts', 'planScope', 'earliestRefreshFormat', 'maxConcurrent', 'maxSockets',
    'socketLifetimeMs', 'eventDelayMs', 'promptCache', 'planUse',
  ]
  const picked = Object.fromEntries(keys.filter((key) => key in overrides).map((key) => [key, overrides[key]]))
  Object.assign(behaviour, picked)
}
