import { ConfigurationError } from '../contract/index.js'
import { keyOf, type PlanEntry } from './plan-entries.js'

/** Exact module names, `provider-…`; nothing else may serve a matrix that carries them. */
export type ModuleAllowlist = readonly string[]

const MODULE_NAME = /^provider-[a-z][a-z0-9-]*$/

function isAllowlist(value: unknown): value is ModuleAllowlist {
  return (
    Array.isArray(value) && value.length > 0 && new Set(value).size === value.length &&
    value.every((module) => typeof module === 'string' && MODULE_NAME.test(module))
  )
}

/**
 * A matrix file's `provider_module_allowlist`; undefined where the key is absent.
 * @throws ConfigurationError where it is anything but distinct names such as `provider-openai-chatgpt`
 */
export function readModuleAllowlist(matrix: Readonly<Record<string, unknown>>): ModuleAllowlist | undefined {
  if (!Object.hasOwn(matrix, 'provider_module_allowlist')) return undefined
  const value = matrix['provider_module_allowlist']
  if (isAllowlist(value)) return value
  throw new ConfigurationError('provider_module_allowlist must be a nonempty exact module list', { code: 'matrix_scope' })
}

/**
 * The mounted keys that a scope lets in: those with exactly one plan entry whose module is in the list. A key says
 * nothing of the module behind it, so an unknown or doubled one is left out.
 * @throws ConfigurationError for a list that is none
 */
export function keysInScope(keys: readonly string[], entries: readonly PlanEntry[], allowlist: unknown): readonly string[] {
  if (!isAllowlist(allowlist)) throw new ConfigurationError('Invalid provider module constraint', { code: 'matrix_scope' })
  return keys.filter((key) => {
    const own = entries.filter((entry) => keyOf(entry) === key)
    return own.length === 1 && allowlist.some((module) => module === own[0]?.['module'])
  })
}
