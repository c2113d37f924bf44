/** The twin's public shapes. Data that stands for the wire keeps the wire's snake_case names. */
import type { JsonObject } from '../contract/index.js'
import type { TwinBehaviour } from './behaviour.js'
import type { ExhaustDetails, RateLimits } from './rate-limits.js'
import type { AuthFault, RefreshOutcome } from './auth-faults.js'

/** One request in the order it came: an HTTP request, a WebSocket upgrade, or one `response.create` frame. */
export interface TwinRequest {
  /** the HTTP method; `FRAME` for a WebSocket message */
  method: string
  path: string
  query: Record<string, string>
  /** lower-cased names; of a frame, those of its upgrade */
  headers: Record<string, string>
  /** decoded JSON, a form as an object, else the text; undefined where there was none */
  body: unknown
  transport: 'http' | 'websocket'
  /** counts TCP connections from 1 */
  connection: number
  /** bytes of the body as they came over the wire, of a frame those of its message */
  bytes: number
  /** ms since 1970, by the twin's clock */
  at: number
  /** what was answered; of a frame the status of its error frame, else 200 */
  status?: number
  /** how the answer ended; absent while it runs */
  ended?: 'completed' | 'refused' | 'cut' | 'client_gone'
}

/** How an answer goes wrong, or slow. Counts of events leave out what a WebSocket adds in front (`codex.rate_limits` and the like). */
export interface TwinFaults {
  /** before the status line, on a WebSocket before the first frame */
  delayMs?: number
  /** between the response's head and its first event */
  firstEventDelayMs?: number
  eventDelayMs?: number
  /** after this many events the connection ends, by FIN unless `reset`, `endBody` or `closeCode` say otherwise */
  cutAfterEvents?: number
  /** like cutAfterEvents, by bytes of the body (SSE) or of messages (WebSocket), in the middle of an event or frame; 0: before anything */
  cutAfterBytes?: number
  /** RST instead of FIN; without a cut, before the status line */
  reset?: boolean
  /** the HTTP body ends in order, as if it were whole */
  endBody?: boolean
  /** then silence: for `stallMs`, else until the client goes */
  stallAfterEvents?: number
  stallMs?: number
  /** SSE comments, or WebSocket pings, this often: through delays and stalls too */
  heartbeatMs?: number
  /** every write this small, one at a time; on a WebSocket, continuation frames */
  bytesPerWrite?: number
  /** events in one write; default as many as fill 16 KiB */
  eventsPerWrite?: number
  lineEnding?: '\n' | '\r\n' | '\r'
  /** a byte order mark in front */
  bom?: boolean
  /** the last event without its closing blank line */
  omitLastBlankLine?: boolean
  /** raw text after the last event, such as `data: [DONE]\n\n` */
  trailing?: string
  /** WebSocket: the close frame's code, after the cut's events, else after the last */
  closeCode?: number
  closeReason?: string
  /** WebSocket: binary frames */
  binary?: boolean
  /** one event of broken JSON in between; the rest follows */
  malformedAfterEvents?: number
  contentType?: string
  headers?: Record<string, string>
  /** WebSocket: under which key an error frame names its status; default `status` */
  statusKey?: 'status' | 'status_code' | 'none'
}

/** A refusal: over WebSocket an error frame, unless it stands for the upgrade. */
export interface RefusalReply {
  status: number
  headers?: Record<string, string>
  body?: unknown
  /** answers the WebSocket upgrade, no turn */
  upgrade?: boolean
}

/** A recording: events as objects, or as text that is sent as it stands. */
export interface RecordingReply {
  events: readonly unknown[]
}

/** What the model says, in the words of a script. */
export interface ScriptedReply {
  text?: string
  /** reasoning summary, its parts parted by a blank line */
  reasoning?: string
  toolCalls?: { name: string; arguments: unknown; call_id?: string; namespace?: string }[]
  incomplete?: 'max_output_tokens' | 'content_filter'
  /** ends in response.failed with this error */
  failed?: { code: string; message: string }
  /** merged over the computed one */
  usage?: JsonObject
  /** characters in one delta; default 8 */
  deltaChars?: number
  /** the model that served; default the one asked for */
  model?: string
  phase?: 'commentary' | 'final_answer'
  /** the older name of a good end */
  terminal?: 'response.completed' | 'response.done'
}

export type TwinReply = {
  /** takes the reply only for requests it says yes to; `items` is all the model sees, a continuation's stored ones too */
  match?: (request: TwinRequest, items: readonly Record<string, unknown>[]) => boolean
  /** for a warm-up (`generate: false`), which takes no reply otherwise */
  warmup?: boolean
} & (RefusalReply | RecordingReply | ScriptedReply) & TwinFaults

/** What a path answers instead of its own answer; see {@link Twin.refuse}. */
export interface TwinInterception {
  status?: number
  headers?: Record<string, string>
  body?: unknown
  delayMs?: number
  /** never answers */
  hang?: boolean
  /** ends the connection without an answer */
  reset?: boolean
  /** how often; default 1 */
  times?: number
}

export interface TwinOptions extends Partial<TwinBehaviour> {
  /** default 0: any free port of 127.0.0.1 */
  port?: number
  /** default true; false answers the upgrade 426 */
  websocket?: boolean
  /** wire model entries; default a list of October 2026 */
  models?: readonly object[]
  /** ms since 1970; default Date.now */
  now?: () => number
  /** default 3600 */
  accessTokenTtlSeconds?: number
  /** default `plus` */
  planType?: string
  /** default `acct_twin` */
  accountId?: string
  deviceCode?: {
    /** default true; false answers 404 at the start */
    enabled?: boolean
    /** 0 approves at once; default `never`: until approveDevice() */
    approveAfterPolls?: number | 'never'
    /** default 5 */
    intervalSeconds?: number
    /** under which name the start answers the code; default `user_code` */
    codeKey?: 'user_code' | 'usercode'
  }
  /** serves https and wss with this certificate */
  tls?: { key: string; cert: string }
  /** opens `/__twin/…` to loopback; default false */
  control?: boolean
  /** how many requests `requests` keeps, the newest; default all */
  keepRequests?: number
}

export interface TokenOverrides {
  accountId?: string
  planType?: string
  expiresInSeconds?: number
  email?: string
  subject?: string
  /** default `codex` */
  lane?: 'codex' | 'plan'
  /** plan lane: default the behaviour's planScope */
  scope?: string
  /** plan lane: default a newly registered one */
  clientId?: string
}

export interface IssuedTokens {
  access_token: string
  refresh_token: string
  id_token: string
  account_id: string
  plan_type: string
  /** ISO 8601 */
  expires_at: string
  expires_in: number
  client_id: string
  scope: string
}

/** A server that stands in for the issuer, the model catalog and the Responses backend, on loopback. */
export interface Twin {
  readonly url: string
  /** same origin as `url` */
  readonly issuer: string
  readonly baseUrl: string
  readonly apiBaseUrl: string
  readonly accountId: string
  readonly requests: TwinRequest[]
  /** only the turns: POST …/responses and response.create frames */
  responses(): TwinRequest[]
  /** a signed-in user, without the sign-in */
  issueTokens(overrides?: TokenOverrides): IssuedTokens
  /** an `sk-…` key that `/v1` takes */
  issueApiKey(): string
  /** approves the device code shown, without an argument all that wait and those still to come once */
  approveDevice(userCode?: string): void
  denyDevice(userCode?: string): void
  /** replies first in, first out, one a turn on whichever transport; afterwards answers are computed again */
  enqueue(...replies: TwinReply[]): void
  /** how many enqueued replies nobody has taken */
  pendingReplies(): number
  /** takes back what nobody has taken of these replies */
  withdraw(...replies: TwinReply[]): void
  /** what the next exchanges of a refresh token meet, one each */
  enqueueRefresh(...faults: AuthFault[]): void
  /** what a path answers instead, for some times; `path` as in a URL, without query */
  refuse(path: string, interception: TwinInterception): void
  /** every access token issued so far counts as expired, whatever its `exp` says */
  expireAccessTokens(): void
  revokeAccessToken(token: string): void
  /** from now on the refresh token answers refresh_token_invalidated */
  invalidateRefreshToken(token: string): void
  /** every exchange of a refresh token */
  readonly refreshes: RefreshOutcome[]
  /** what /oauth/revoke was asked to end */
  readonly revocations: { token: string; hint: string | undefined; known: boolean }[]
  setModels(models: readonly object[]): void
  setRateLimits(limits: RateLimits): void
  /** percent used of the windows, before they are rounded to be told */
  planUse(): { primary: number; secondary: number }
  /**
   * From now until `resetsAt` (unix seconds) every request for `model` (`*`: for any) answers
   * usage_limit_reached.
   */
  exhaust(model: string, resetsAt: number, details?: ExhaustDetails): void
  /** undoes exhaust() */
  relieve(model?: string): void
  configure(behaviour: Partial<TwinBehaviour>): void
  openConnections(): { http: number; websocket: number }
  /** turns that run now, and the most that ever ran at once */
  activity(): { running: number; peak: number }
  /** every WebSocket counts as older than the connection limit */
  expireConnections(): void
  /** the server forgets every response that a WebSocket could continue */
  forgetResponses(): void
  /** ends every WebSocket, or those alone that answer nothing: with a close frame of `code`, else by RST */
  closeSockets(code?: number, reason?: string, which?: { idle?: boolean }): void
  /** ends every connection, stalled ones too. Twice without harm */
  close(): Promise<void>
}
