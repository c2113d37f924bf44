import { ConfigurationError, type JsonObject } from '../contract/index.js'
import { mergeMappings } from '../documents/index.js'
import { judgeConfig } from './judge-config.js'

/** What a role's resolution adds to a provider's mount config in the child that is spawned for it. */
export interface SpawnConfig {
  default_model: string
  /** default 0: the child's first choice */
  priority?: number
  /** of the candidate */
  config?: JsonObject
}

/**
 * The mount config of a spawned child: the parent's, with the candidate's `config` merged in, then `default_model`
 * and `priority`. Origins of what stays are kept; neither argument changes.
 *
 * @throws ConfigurationError where the candidate's config sets what only the user may: a matrix or an agent file
 *   chooses models and effort, not where credentials go
 */
export function mergeMountConfig(base: JsonObject, spawn: SpawnConfig): JsonObject {
  const config = spawn.config ?? {}
  const [problem] = judgeConfig(config, { all: true })
  if (problem) throw new ConfigurationError(`in a candidate's config ${problem.message}`, { code: 'untrusted_option' })
  return mergeMappings(mergeMappings(base, config), { default_model: spawn.default_model, priority: spawn.priority ?? 0 })
}
