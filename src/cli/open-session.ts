import { AuthenticationError, ConfigurationError } from '../contract/index.js'
import { createHost, type Host } from '../host/index.js'
import { createModule, type ChatGPTProvider } from '../index.js'
import type { ModelRoleResolver } from '../routing/index.js'
import type { CommandContext } from './command-line.js'
import { EXIT } from './exit-codes.js'
import { createPrint } from './print.js'
import { readConfig, type CommandConfig } from './read-config.js'
import { describeFailure } from './report-failure.js'
import { writeNotice } from './terminal.js'
import { untilAborted } from './until-aborted.js'

export interface Session extends CommandConfig {
  host: Host
  provider: ChatGPTProvider
  /** undefined where no matrix is in force */
  resolver?: ModelRoleResolver
}

/** Mounts what the configuration says on the in-memory host, does the work, and takes it down again. */
export async function withSession(
  context: CommandContext, options: Record<string, unknown>, work: (session: Session) => Promise<number>,
): Promise<number> {
  const config = await readConfig(context, options)
  let lastWarning = 'the provider was not mounted'
  const module = createModule({
    warn(message) {
      lastWarning = message
      writeNotice(context.terminal, message)
    },
  })
  const host = createHost({
    config: config.plan,
    modules: { [config.entry.module]: module },
    warn: (message) => writeNotice(context.terminal, message),
  })
  try {
    // The host's own start would only warn; here a wrong setting is the answer.
    const cleanup = await module.mount(host.coordinator, config.entry.config)
    if (!cleanup) {
      createPrint(context, options).value(describeFailure(new AuthenticationError(lastWarning), EXIT.auth))
      return EXIT.auth
    }
    host.coordinator.registerCleanup(cleanup)
    await host.coordinator.hooks.emit('session:start', {})
    const provider = host.coordinator.get('providers', 'openai-chatgpt') as ChatGPTProvider
    const resolver = host.coordinator.getCapability('model_role_resolver') as ModelRoleResolver | undefined
    return await untilAborted(context.signal, () => work({ ...config, host, provider, ...(resolver ? { resolver } : {}) }))
  } finally {
    await host.close()
  }
}

/** @throws ConfigurationError where no matrix is in force */
export function requireResolver(session: Session): ModelRoleResolver {
  if (!session.resolver) throw new ConfigurationError(`no routing matrix ${session.options.matrix} is in force. Run amplifier-chatgpt routing list`, { code: 'no_matrix' })
  return session.resolver
}
