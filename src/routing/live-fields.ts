import { isRecord } from '../lib/index.js'
import { pythonInt } from './python-text.js'

/** What a provider that says no priority counts as where the mounted objects are compared. */
export const UNSAID_PRIORITY = 100

/** The mutable `config` that a mounted provider shows, where it shows one. */
export function liveConfig(provider: unknown): Record<string, unknown> | undefined {
  const config = shows(provider, 'config') ? provider['config'] : undefined
  return isRecord(config) ? config : undefined
}

/** A field as an orchestrator reads it from a mounted provider: the attribute where there is one, else its `config`. */
export function readLive(provider: unknown, field: string): unknown {
  return shows(provider, field) ? provider[field] : liveConfig(provider)?.[field]
}

/** Writes the field to each surface that it can be read from. Answers whether one took it. */
export function writeLive(provider: unknown, field: string, value: unknown): boolean {
  const taken = shows(provider, field) && setAttribute(provider, field, value)
  const config = liveConfig(provider)
  return config === undefined ? taken : Reflect.set(config, field, value) || taken
}

/** The priority that an orchestrator selects by; 100 where the provider says none that is a number. */
export function livePriority(provider: unknown): number {
  return pythonInt(readLive(provider, 'priority')) ?? UNSAID_PRIORITY
}

export function shows(provider: unknown, field: string): provider is Record<string, unknown> {
  return typeof provider === 'object' && provider !== null && field in provider
}

/** A setter of somebody else's may refuse. */
function setAttribute(provider: object, field: string, value: unknown): boolean {
  try {
    return Reflect.set(provider, field, value)
  } catch {
    return false
  }
}
