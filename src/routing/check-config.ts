import type { ValueFinding } from '../documents/index.js'
import { isRecord } from '../lib/index.js'
import { providerNamed, type MountedProviders } from './find-mount.js'
import { pythonText } from './python-text.js'

/** A candidate's setting that the provider doesn't take. */
export interface ConfigProblem extends ValueFinding {
  rule: 'config-value'
  key: string
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
  const fields = new Map(configFields.filter(isRecord).map((field) => [String(field['id']), field]))
  return Object.entries(config).flatMap(([key, value]): ConfigProblem[] => {
    const field = fields.get(key)
    const choices: unknown = field?.['field_type'] === 'choice' ? field['choices'] : undefined
    if (!Array.isArray(choices) || choices.length === 0) return []
    const words = choices.map(String)
    // Nothing written counts as the word None: a key without a value is a slip, not a wish for the default.
    if (words.includes(pythonText(value))) return []
    return [{ severity: 'error', rule: 'config-value', key, choices: words, message: `${key}: ${JSON.stringify(value)} is none of ${words.join(', ')}` }]
  })
}

/** Answers the fields that the provider mounted under a key declares, and asks each provider once: a matrix has fifty candidates. */
export function createFieldsReader(providers: MountedProviders): (key: string) => readonly unknown[] {
  const known = new Map<string, readonly unknown[]>()
  return (key) => {
    const fields = known.get(key) ?? configFieldsOf(providerNamed(providers, key))
    known.set(key, fields)
    return fields
  }
}

/** The fields that a mounted provider declares; none where it doesn't say. */
function configFieldsOf(provider: unknown): readonly unknown[] {
  if (!isRecord(provider) || typeof provider['getInfo'] !== 'function') return []
  try {
    const info: unknown = Reflect.apply(provider['getInfo'], provider, [])
    return isRecord(info) && Array.isArray(info['config_fields']) ? info['config_fields'] : []
  } catch {
    return [] // a provider that can't say what it takes is not judged
  }
}
