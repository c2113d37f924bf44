import { ConfigurationError, type CallObserver } from '../contract/index.js'
import { mountOnHost, type HostMount } from '../mount-on-host.js'
import type { ModelRoleResolver } from '../routing/index.js'
import type { CommandContext } from './command-context.js'
import { readConfig, type CommandConfig } from './read-config.js'
import { writeNotice } from './terminal.js'
import { untilAborted } from './until-aborted.js'

export type Session = CommandConfig & HostMount

/** Mounts what the configuration says; the caller closes it. @throws LLMError */
export async function openSession(context: CommandContext, options: Record<string, unknown>, read?: CommandConfig, observers: readonly CallObserver[] = []): Promise<Session> {
  const config = read ?? (await readConfig(context, options))
  const warn = (message: string) => void (config.warnings.includes(message) || writeNotice(context.terminal, message))
  const recorder = typeof options.record === 'string' ? await (await import('./record-calls.js')).openCallRecorder(options.record, { warn }) : undefined
  try {
    const mounted = await mountOnHost({ plan: config.plan, config: config.entry.config, parts: { warn, observers }, prepare: recorder?.attach })
    const close = async () => {
      await mounted.close()
      await recorder?.close()
    }
    return { ...config, ...mounted, close }
  } catch (error) {
    await recorder?.close()
    throw error
  }
}

/** Mounts what the configuration says, does the work, and takes it down again. */
export async function withSession(
  context: CommandContext, options: Record<string, unknown>, work: (session: Session) => Promise<number>, read?: CommandConfig,
): Promise<number> {
  const session = await openSession(context, options, read)
  try {
    return await untilAborted(context.signal, () => work(session))
  } finally {
    await session.close()
  }
}

/** @throws ConfigurationError where no matrix is in force */
export function requireResolver(session: Session): ModelRoleResolver {
  if (!session.resolver) throw new ConfigurationError(`no routing matrix ${session.options.matrix} is in force. Run amplifier-chatgpt routing list`, { code: 'no_matrix' })
  return session.resolver
}
