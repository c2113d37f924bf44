import { isRecord } from '../lib/index.js'
import { maySelectHaiku, requireHaikuConfig } from './haiku-config.js'
import { noteOrigin, originOf } from './origin.js'
import { withoutPrefix } from './provider-words.js'
import { pythonRepr } from './python-text.js'

type Fields = Readonly<Record<string, unknown>>

/** Provider word → the config keys that its module never reads. */
const INERT_KEYS: Readonly<Partial<Record<string, readonly string[]>>> = { gemini: ['effort', 'reasoning_effort'] }

export interface StrippedRoles<Roles> {
  roles: Roles
  /** one sentence a key that was taken out */
  removed: string[]
}

/**
 * The roles without config keys that their provider never reads, so that nothing is reported as applied that is not.
 * What needs no change is answered as it is; nothing given is changed.
 * @throws ConfigurationError where a Haiku is named with settings that it cannot honour
 */
export function stripInertConfig<Roles extends Fields>(roles: Roles): StrippedRoles<Roles> {
  for (const [, , candidate] of listCandidates(roles)) refuseHaikuConfig(candidate)
  const removed = listCandidates(roles).flatMap(([role, place, candidate]) =>
    inertKeysOf(candidate).map((key) => describeRemoval(role, place, candidate, key)))
  if (removed.length === 0) return { roles, removed }
  const entries = Object.entries(roles).map(([role, entry]): [string, unknown] => [role, cleanRole(entry)])
  return { roles: Object.fromEntries(entries) as Roles, removed }
}

function listCandidates(roles: Fields): (readonly [role: string, place: number, candidate: Fields])[] {
  return Object.entries(roles).flatMap(([role, entry]) => {
    const list: unknown = isRecord(entry) ? entry['candidates'] : undefined
    return (Array.isArray(list) ? list : []).flatMap((candidate: unknown, place) =>
      isRecord(candidate) ? [[role, place, candidate] as const] : [])
  })
}

function refuseHaikuConfig({ provider, model, config }: Fields): void {
  if (!isRecord(config)) return
  requireHaikuConfig({ backend: typeof provider === 'string' ? withoutPrefix(provider) : undefined, model, config, policy: true })
}

function inertKeysOf({ provider, model, config }: Fields): string[] {
  if (!isRecord(config) || typeof provider !== 'string' || maySelectHaiku(model)) return []
  const inert = INERT_KEYS[provider.toLowerCase()] ?? []
  return Object.keys(config).filter((key) => inert.includes(key))
}

function describeRemoval(role: string, place: number, { provider, model, config }: Fields, key: string): string {
  const value = isRecord(config) ? config[key] : undefined
  return (
    `Role '${role}' candidate ${place} (${String(provider)}/${String(model)}): ${key}=${pythonRepr(value)} is taken out: ${String(provider)} ` +
    'reads no effort from its mount config; write extra_request_params: {thinking_config: {thinking_level: …}}'
  )
}

function cleanRole(entry: unknown): unknown {
  if (!isRecord(entry) || !Array.isArray(entry['candidates'])) return entry
  return keepOrigin(entry, { ...entry, candidates: entry['candidates'].map(cleanCandidate) })
}

function cleanCandidate(candidate: unknown): unknown {
  if (!isRecord(candidate) || !isRecord(candidate['config'])) return candidate
  const inert = inertKeysOf(candidate)
  if (inert.length === 0) return candidate
  const config = Object.fromEntries(Object.entries(candidate['config']).filter(([key]) => !inert.includes(key)))
  return keepOrigin(candidate, { ...candidate, config })
}

function keepOrigin<Copy extends object>(from: object, to: Copy): Copy {
  const origin = originOf(from)
  return origin === undefined ? to : noteOrigin(to, origin)
}
