import type { Page } from '../page/index.js'
import type { EndpointTimes, ServedProvider } from './endpoint.js'
import type { StoredKey } from './key-ring.js'
import type { RequestLogEntry } from './request-log-entry.js'
import type { ResponseStore } from './response-store.js'

export interface HttpServerOptions {
  provider: ServedProvider
  /** a key that every request may show as its bearer; this or `keys` is needed */
  key?: string
  /** further keys with names, read at every request */
  keys?: () => readonly StoredKey[]
  /** the roles that a model name may be, as `role:NAME` */
  roles?: readonly string[]
  /** model names of `/v1/messages`, or words in them (`opus`), to a model or `role:NAME`; default by family: opus reasoning, sonnet coding, haiku fast, others general */
  messageModels?: Readonly<Record<string, string>>
  /** default 127.0.0.1 */
  host?: string
  /** default 0: any that is free */
  port?: number
  /** listen at this socket file, mode 0600, instead of host and port; its folder is made with 0700 where there is none */
  socketPath?: string
  /** PEM texts; with them the server speaks https */
  tls?: { cert: string; key: string }
  /** names beyond our own that Host may say, with a port or for any; `*` for all */
  allowHosts?: readonly string[]
  /** origins whose pages may ask, such as `https://app.example` */
  allowOrigins?: readonly string[]
  /** where responses are kept; default in memory. Closed with the server */
  store?: ResponseStore
  times?: Partial<EndpointTimes>
  /** answers the paths of a page that a person watches, and those of programs that scrape; closed with the server */
  page?: Page
  /** is given one entry a request */
  log?: (entry: RequestLogEntry) => void
  /** is told of what the operator should see that belongs to no request */
  warn?: (message: string) => void
  /** ms since 1970 */
  now?: () => number
}
