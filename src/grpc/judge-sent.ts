import { join } from 'node:path'
import { homedir } from 'node:os'
import { isDeepStrictEqual } from 'node:util'
import { attachOrigins, expandVariables, isOurModule, loadSettings, originsOf, USER_ONLY_OPTIONS, type Origin } from '../config/index.js'

/** The text that a caller sends is somebody else's, as a project's files are: it chooses models and behaviour, nothing more. */
const SENT: Origin = { file: 'the Mount call', line: 1, column: 1, whose: 'project' }

export interface SentConfig {
  config: Record<string, unknown>
  /** the host program said in code that it built the plan itself, so the config is its own word; default false */
  trusted?: boolean
}

/**
 * `base` with what was sent laid over it, and the origin of each key. Keys that only the user may say count where one
 * entry of the user's own settings says the same of all of them: a set is never put together from several entries.
 */
export async function judgeSent(base: Record<string, unknown>, { config, trusted = false }: SentConfig): Promise<Record<string, unknown>> {
  const userOnly = Object.keys(config).filter((key) => Object.hasOwn(USER_ONLY_OPTIONS, key))
  const own = trusted || (userOnly.length > 0 && (await isUsersOwn(config, userOnly)))
  const sent = Object.keys(config).filter((key) => !trusted && !(own && userOnly.includes(key)))
  const kept = Object.fromEntries(Object.entries(originsOf(base)).filter(([key]) => !Object.hasOwn(config, key)))
  return attachOrigins({ ...base, ...config }, { ...kept, ...Object.fromEntries(sent.map((key) => [key, SENT])) })
}

async function isUsersOwn(config: Record<string, unknown>, keys: readonly string[]): Promise<boolean> {
  // A folder without settings of its own stands for the working directory: a project's files have no say here.
  const { providers } = await loadSettings(join(process.env.HOME ?? homedir(), '.amplifier'))
  return providers.some(({ module, config: entry = {} }) => isOurModule(module) && keys.every((key) => {
    const said = entry[key]
    return isDeepStrictEqual(said, config[key]) || isDeepStrictEqual(expandVariables(said, process.env), config[key])
  }))
}
