import type { ChatRequest, LaneName, Provider, RouteReceipt, TraceContext } from '../contract/index.js'
import { shortHash } from '../lib/index.js'
import type { HttpKey } from './key-ring.js'
import type { RequestLogEntry } from './request-log-entry.js'
import type { ResponseStore } from './response-store.js'
import type { ThoughtMemory } from './thought-memory.js'

/** The provider that is served: any of the contract; ours also says who is signed in. */
export type ServedProvider = Provider & { signedIn?: (options?: { signal?: AbortSignal }) => Promise<SignedIn>; warmUp?: (request?: ChatRequest) => Promise<void> }

interface SignedIn {
  account?: string
  lane: LaneName
  /** why the sign-in has ended, where it cannot be refreshed any more */
  refused?: string
}

/** All times in ms. */
export interface EndpointTimes {
  /** a stream's head leaves at the latest after this: what fails sooner is answered by a status */
  headAfterMs: number
  /** silence on a stream after which a comment says that it lives */
  keepAliveMs: number
  /** how long a client may leave what was written unread */
  stalledReaderMs: number
  /** how long a WebSocket lives */
  socketLifeMs: number
}

/** What all requests of one server share. */
export interface Endpoint {
  provider: ServedProvider
  roles: readonly string[]
  /** model names of the Messages dialect, or words in them, to what serves them */
  messageModels: Readonly<Record<string, string>>
  store: ResponseStore
  thoughts: ThoughtMemory
  /** whose each key's responses were last, see {@link ownerOf} */
  owners: WeakMap<HttpKey, { account: string; owner: string }>
  times: EndpointTimes
  log?: (entry: RequestLogEntry) => void
  /** ms since 1970 */
  now: () => number
}

/** One request, from its admission to its log line. */
export interface Exchange {
  endpoint: Endpoint
  /** `req_…`, as `x-request-id` says it */
  id: string
  key: HttpKey
  /** who is signed in, once somebody is */
  signedIn?: SignedIn
  /** see {@link ownerOf} */
  owner?: Promise<string>
  /** aborted when the client has gone or the server ends */
  signal: AbortSignal
  /** W3C trace context that the client sent */
  trace?: TraceContext
  /** what the client's headers say of itself, for the totals of usage */
  client: ClientNames
  /** what is known for the log line and the headers */
  note: ExchangeNote
}

export interface ClientNames {
  session?: string
  agent?: string
}

export interface ExchangeNote {
  /** as the client named it */
  requestedModel?: string
  model?: string
  /** fields of the request that are not honoured */
  ignored: string[]
  route?: RouteReceipt
  /** the roles that were asked for */
  role?: string
  /** `PROVIDER/MODEL` that failed */
  failed?: string
  served?: string
  degraded?: boolean
  usage?: { input_tokens: number; output_tokens: number }
  /** ms since 1970 */
  firstAt?: number
  error?: string
}

/** Whose responses and thoughts these are: the key's and the signed-in account's, as the exchange found it. */
export function ownerOf(exchange: Exchange): Promise<string> {
  return (exchange.owner ??= findOwner(exchange))
}

/** The lane that the exchange's calls take, where the provider says it. */
export async function laneOf(exchange: Exchange): Promise<LaneName> {
  return (await signedInOf(exchange))?.lane ?? 'codex'
}

async function findOwner(exchange: Exchange): Promise<string> {
  const { key, endpoint: { owners } } = exchange
  const account = (await signedInOf(exchange))?.account ?? ''
  const known = owners.get(key)
  if (known?.account === account) return known.owner
  const owner = shortHash(`${key.id} ${account}`)
  owners.set(key, { account, owner })
  return owner
}

async function signedInOf(exchange: Exchange): Promise<SignedIn | undefined> {
  if (exchange.signedIn) return exchange.signedIn
  const found = await exchange.endpoint.provider.signedIn?.({ signal: exchange.signal })
  // Where nobody is, the call itself may sign in.
  if (found?.account !== undefined) exchange.signedIn = found
  return found
}
