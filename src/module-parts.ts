import type { Dispatcher } from 'undici'
import type { TokenStore } from './auth/index.js'
import type { ProviderConfig } from './config/index.js'
import type { CallObserver, Cleanup, Coordinator, LLMError, ModuleDescriptor } from './contract/index.js'
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

/** A record whose keys the compiler does not know, as hosts read them from a plan; `never` for options that a program writes out. */
export type PlainConfig<Config> = string extends keyof Config ? Config : never

/** The module's descriptor, whose mount checks the options that a program writes out: a misspelt one does not compile. */
export interface ChatGPTModule extends ModuleDescriptor {
  /** For hosts: the config as their plan has it. The same as below. */
  mount<Config extends Record<string, unknown>>(coordinator: Coordinator, config: Config & PlainConfig<Config>): Promise<Cleanup | null>
  /**
   * Mounts the provider; null where it cannot serve, with one warning that says what to do.
   * @throws ConfigurationError, and what else ends a mount
   */
  mount(coordinator: Coordinator, config?: ProviderConfig): Promise<Cleanup | null>
}
