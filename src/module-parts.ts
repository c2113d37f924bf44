import type { Dispatcher } from 'undici'
import type { TokenStore } from './auth/index.js'
import type { CallObserver, LLMError } from './contract/index.js'
import type { NamedSession } from './provider/index.js'

/** A host's own parts; each has a real default. */
export interface ModuleParts {
  tokenStore?: TokenStore
  /** ms since 1970; default `Date.now` */
  now?: () => number
  /** waits between attempts; default a timer */
  delay?: (ms: number, options: { signal?: AbortSignal }) => Promise<void>
  /** from 0 up to 1, for the jitter of waits; default `Math.random` */
  random?: () => number
  /** an undici dispatcher for HTTP; stays the host's, which closes it */
  dispatcher?: Dispatcher
  /** the session that the mount serves, where its id outlives this process: it names the conversation and its prompt cache key */
  session?: NamedSession
  /** false: nobody is asked and nobody will sign in later, so a mount without a sign-in answers null; default true */
  interactive?: boolean
  /** are told of every call while it runs */
  observers?: readonly CallObserver[]
  /** told what a user should know; default one line each on stderr */
  warn?: (message: string) => void
  /** told why a mount answers null; default a warning of it */
  refused?: (refusal: LLMError) => void
}
