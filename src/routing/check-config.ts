import { isRecord } from '../lib/index.js'

/** A candidate's setting that the provider doesn't take. */
export interface ConfigProblem {
  key: string
  message: string
  /** what it takes instead */
  choices: readonly string[]
}

/**
 * Candidate config against the provider's `choice` fields: a value that is none of the choices is a problem;
 * keys that no field declares pass, since providers take more than they ask about.
 * @param configFields `getInfo().config_fields`; anything else counts as none
 */
export function checkCandidateConfig(config: unknown, configFields: unknown): ConfigProblem[] {
  if (!isRecord(config) || !Array.isArray(configFields)) return []
  return configFields.flatMap((field: unknown): ConfigProblem[] => {
    if (!isRecord(field) || field['field_type'] !== 'choice' || !Array.isArray(field['choices'])) return []
    const key = String(field['id'])
    const choices = field['choices'].map(String)
    if (!Object.hasOwn(config, key) || choices.length === 0) return []
    const value = config[key]
    if (value === null || choices.includes(String(value))) return []
    return [{ key, choices, message: `${key}: ${JSON.stringify(value)} is none of ${choices.join(', ')}` }]
  })
}

/** The fields that a mounted provider declares; none where it doesn't say. */
export function configFieldsOf(provider: unknown): readonly unknown[] {
  if (!isRecord(provider) || typeof provider['getInfo'] !== 'function') return []
  try {
    const info: unknown = Reflect.apply(provider['getInfo'], provider, [])
    return isRecord(info) && Array.isArray(info['config_fields']) ? info['config_fields'] : []
  } catch {
    return [] // a provider that can't say what it takes is not judged
  }
}
