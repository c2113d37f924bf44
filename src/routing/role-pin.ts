import { ConfigurationError, type RolePinRecord } from '../contract/index.js'
import { isRecord } from '../lib/index.js'
import { mountedNames, providerNamed, type MountedProviders } from './find-mount.js'
import { findPinned, type Pinned } from './find-pinned.js'
import { isGlob } from './glob.js'
import { liveConfig, livePriority, readLive, shows, writeLive } from './live-fields.js'
import { keysInScope, type ModuleAllowlist } from './module-scope.js'
import { planEntries, type MountPlanHolder } from './plan-entries.js'

export interface RolePinOptions {
  coordinator: MountPlanHolder
  /** what is mounted now; the objects are written to */
  providers: MountedProviders
  /** only these modules may be pinned */
  allowlist?: ModuleAllowlist
}

/** One of the session's own preferences. */
interface Pin {
  provider: string
  model: string | undefined
  config: Readonly<Record<string, unknown>>
}

/** What has drifted from the pin. */
interface Drift {
  priority: boolean
  model: boolean
  /** why a pinned model was not written */
  modelKept?: 'model_is_unresolved_pattern' | 'no_writable_model_surface'
  config: Readonly<Record<string, unknown>>
}

/** Credentials, addresses and network switches: who writes a preference never decides these. */
const PROTECTED_KEYS: ReadonlySet<string> = new Set([
  'api_key', 'secret', 'password', 'token', 'access_token', 'bearer_token', 'client_id', 'client_secret', 'tenant_id',
  'base_url', 'host', 'azure_endpoint', 'api_version', 'deployment_name', 'organization', 'project',
  'managed_identity_client_id', 'use_managed_identity', 'use_default_credential',
  'proxy', 'http_proxy', 'https_proxy', 'verify_ssl', 'ssl_verify', 'verify', 'ca_bundle',
  // No setting: writing it would change the object's prototype.
  '__proto__',
])

/**
 * Puts the session's own `provider_preferences` back in force where the mounted providers disagree with them: the first
 * preference that a mount answers becomes the one that orchestrators select (priority 0, the others above it), with its
 * model and its config. An attribute other than `priority` and `default_model` is never written: its provider made it
 * by rules of its own.
 * @returns what was written or could not be; undefined where there is nothing to say
 * @throws ConfigurationError `no_scoped_route` where a scope leaves no target
 */
export function reassertRolePin({ coordinator, providers, allowlist }: RolePinOptions): RolePinRecord | undefined {
  const pins = readPins(coordinator)
  const keys = mountedNames(providers)
  if (pins.length === 0 || keys.length === 0) return undefined
  const mounted = new Map(keys.map((key) => [key, providerNamed(providers, key)]))
  const entries = planEntries(coordinator)
  const inScope = allowlist === undefined ? keys : keysInScope(keys, entries, allowlist)
  const pinnable = new Map(inScope.map((key) => [key, mounted.get(key)]))
  for (const [index, pin] of pins.entries()) {
    const found = findPinned({ word: pin.provider, model: pin.model, providers: pinnable, entries })
    if (found !== undefined) return enforce(pin, found, mounted, pins.length > 1 ? { index, pins } : undefined)
  }
  if (allowlist !== undefined) {
    throw new ConfigurationError('Declared role pin has no target within module constraint', { code: 'no_scoped_route' })
  }
  const tried = pins.map(({ provider }) => provider)
  return { reasserted: false, reason: 'pinned_provider_not_mounted', pinned_provider: tried[0]!, tried_providers: tried, mounted: [...keys].sort() }
}

/** The session's own preferences, in order; what names no provider is left out. */
function readPins({ config }: MountPlanHolder): Pin[] {
  const written: unknown = config['provider_preferences']
  return (Array.isArray(written) ? written : []).flatMap((entry: unknown): Pin[] => {
    if (!isRecord(entry)) return []
    const { provider, model, config: own } = entry
    if (typeof provider !== 'string' || provider === '') return []
    return [{ provider, model: typeof model === 'string' && model !== '' ? model : undefined, config: isRecord(own) ? own : {} }]
  })
}

function enforce(
  pin: Pin, found: Pinned, mounted: ReadonlyMap<string, unknown>, among: { index: number; pins: readonly Pin[] } | undefined,
): RolePinRecord | undefined {
  const target = mounted.get(found.key)
  const before = prioritiesOf(mounted)
  const winner = lowest(before)
  const drift = findDrift(pin, target, winner !== found.key)
  if (!drift.priority && !drift.model && Object.keys(drift.config).length === 0) return undefined
  const modelBefore = readLive(target, 'default_model')
  if (drift.priority && !promote(found.key, mounted)) {
    return { reasserted: false, reason: 'no_writable_priority_surface', pinned_provider: found.key }
  }
  const modelWritten = drift.model && writeLive(target, 'default_model', pin.model)
  const modelKept = drift.model && !modelWritten ? 'no_writable_model_surface' : drift.modelKept
  const { restored, inert, unrestorable } = restoreConfig(target, drift.config)
  return {
    reasserted: true, reason: 'mount_state_disagreed_with_declared_pin',
    pinned_provider: found.key, would_have_resolved_to: winner,
    priorities_before: Object.fromEntries(before), priorities_after: Object.fromEntries(prioritiesOf(mounted)),
    priority_reasserted: drift.priority, model_reasserted: modelWritten,
    model_before: modelBefore ?? null, model_after: readLive(target, 'default_model') ?? null,
    config_keys_reasserted: restored,
    ...(among === undefined ? {} : { preference_index: firstAlike(among), tried_providers: among.pins.map(({ provider }) => provider) }),
    pinned_provider_declared: pin.provider, provider_resolution: found.how,
    ...(found.candidates.length > 1 ? { resolution_candidates: found.candidates } : {}),
    ...(modelKept === undefined ? {} : { model_not_reasserted_reason: modelKept, pinned_model: pin.model ?? null }),
    ...(inert.length === 0 ? {} : { inert_config_keys: inert }),
    ...(unrestorable.length === 0 ? {} : { unrestorable_config_keys: unrestorable }),
  }
}

function findDrift({ model, config }: Pin, target: unknown, priority: boolean): Drift {
  const drifted = Object.entries(config).filter(([key, value]) => !PROTECTED_KEYS.has(key) && !isSame(readLive(target, key), value))
  return {
    priority,
    // A pattern is no model's name: written, it would go to the backend as it stands.
    model: model !== undefined && !isGlob(model) && readLive(target, 'default_model') !== model,
    ...(model !== undefined && isGlob(model) ? { modelKept: 'model_is_unresolved_pattern' as const } : {}),
    config: Object.fromEntries(drifted),
  }
}

/** Puts the target first, and whatever would tie with it or beat it behind. Answers false where it shows no priority. */
function promote(key: string, mounted: ReadonlyMap<string, unknown>): boolean {
  if (!writeLive(mounted.get(key), 'priority', 0)) return false
  for (const [other, provider] of mounted) {
    if (other !== key && livePriority(provider) <= 0) writeLive(provider, 'priority', 1)
  }
  return true
}

function restoreConfig(target: unknown, drifted: Drift['config']): { restored: string[]; inert: string[]; unrestorable: string[] } {
  const config = liveConfig(target)
  const keys = Object.keys(drifted).sort()
  if (config === undefined) return { restored: [], inert: [], unrestorable: keys }
  for (const key of keys) Reflect.set(config, key, drifted[key])
  return { restored: keys, inert: keys.filter((key) => shows(target, key) && !isSame(target[key], drifted[key])), unrestorable: [] }
}

function prioritiesOf(mounted: ReadonlyMap<string, unknown>): ReadonlyMap<string, number> {
  return new Map([...mounted].map(([key, provider]) => [key, livePriority(provider)]))
}

function lowest(priorities: ReadonlyMap<string, number>): string {
  const [first, ...rest] = [...priorities]
  return rest.reduce((best, next) => (next[1] < best[1] ? next : best), first!)[0]
}

/** Preferences that say the same count as the first of them. */
function firstAlike({ index, pins }: { index: number; pins: readonly Pin[] }): number {
  return pins.findIndex((pin) => isSame(pin, pins[index]))
}

/** Values of JSON, compared by what they say. */
function isSame(left: unknown, right: unknown): boolean {
  if (Object.is(left, right) || (left ?? null) === (right ?? null)) return true
  return JSON.stringify(left) === JSON.stringify(right)
}
