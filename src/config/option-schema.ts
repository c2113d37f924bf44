import type { OptionSchema } from './coerce-value.js'
import { schema } from './generated/provider-config.js'

/** Option to its part of the schema. The schema file is the one place for kinds, bounds and defaults. */
export const OPTION_SCHEMAS: Readonly<Record<string, OptionSchema>> = schema.properties

/** Keys that hosts add to a mount config; they pass without a word. */
const HOST_KEYS: readonly string[] = ['id', 'instance_id', 'name', 'source', 'module']

/** Older name of an option to the name in force. */
export const OPTION_ALIASES: Readonly<Record<string, string>> = { auth_mode: 'lane', default_matrix: 'matrix' }

/** Option to the environment variable that sets it where the config has none. */
export const OPTION_VARIABLES: Readonly<Record<string, string>> = {
  base_url: 'AMPLIFIER_CHATGPT_BASE_URL',
  issuer: 'AMPLIFIER_CHATGPT_ISSUER',
  client_id: 'AMPLIFIER_CHATGPT_CLIENT_ID',
  token_file_path: 'AMPLIFIER_CHATGPT_TOKEN_FILE',
  redis_url: 'AMPLIFIER_CHATGPT_REDIS_URL',
}

export function isHostKey(key: string): boolean {
  return HOST_KEYS.includes(key)
}

export function isOption(key: string): boolean {
  return Object.hasOwn(OPTION_SCHEMAS, key) && !isHostKey(key)
}

/** The options' names in force, without hosts' keys and older names. */
export function listOptionNames(): string[] {
  return Object.keys(OPTION_SCHEMAS).filter((key) => !isHostKey(key) && !Object.hasOwn(OPTION_ALIASES, key))
}

/** The mount config's JSON Schema, as the module descriptor shows it. */
export const configSchema: Record<string, unknown> = schema
