import type { ModuleParts, ProviderConfig } from '../index.js'

/** The provider's mount config, the host's own parts, and a listener. */
export interface ChatGPTOptions<Config = ProviderConfig> extends Pick<ModuleParts, 'tokenStore' | 'now' | 'dispatcher'> {
  /** the options of the mount, as `config` of a mount plan's entry has them; default: what a sign-in needs none of */
  config?: Config
  /** told every event of the provider, such as `llm:request`; what it throws changes no call */
  onEvent?: (event: string, data: Record<string, unknown>) => void
  /** told what a user should know; default one line each on stderr */
  warn?: (message: string) => void
}
