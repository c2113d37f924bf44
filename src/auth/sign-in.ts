import type { TokenReply } from './token-endpoint.js'
import type { StoredRecord } from './token-store.js'

/** What a finished sign-in brought. */
export interface SignIn {
  reply: TokenReply
  /** what else is to be kept: the client the tokens belong to, the name this host goes by */
  fields?: Pick<StoredRecord, 'client_id' | 'ext_agent_host_id' | 'scope'>
}
