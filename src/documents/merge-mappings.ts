import type { JsonObject } from '../contract/index.js'
import { isRecord, redactAddresses, redactKeys } from '../lib/index.js'
import { attachOrigins, originsOf, type Origin, type Shadowed } from './origin.js'

/**
 * A copy of `base` with `over` laid on it: mappings merge deeply, everything else (lists too) is replaced.
 * Origins come along, and a value that replaced another says which. Neither argument changes. Three
 * layers may be merged in any grouping where no key holds a mapping in one and something else in another.
 */
export function mergeMappings(base: JsonObject, over: JsonObject): JsonObject {
  const merged: JsonObject = { ...base }
  const origins: Record<string, Origin> = { ...originsOf(base) }
  const overOrigins = originsOf(over)
  for (const [key, value] of Object.entries(over)) {
    const old = Object.hasOwn(base, key) ? base[key] : undefined
    const deep = isRecord(old) && isRecord(value)
    define(merged, key, deep ? mergeMappings(old, value) : value)
    const origin = Object.hasOwn(overOrigins, key) ? overOrigins[key] : undefined
    const shadowed = origins[key]
    // A value without an origin came from host code: what stood there before says nothing of it.
    // So it does where a file adds to a mapping of host code: the origin would be claimed for what it only adds to.
    if (!origin || (deep && !shadowed)) delete origins[key]
    else origins[key] = deep || old === undefined ? origin : withShadow(origin, key, old, shadowed ?? HOST)
  }
  return attachOrigins(merged, origins)
}

/** Of a value that no file says. */
const HOST: Origin = { file: 'the host program', line: 1, column: 1, whose: 'host' }

/** Enough to explain any value; without a bound files that include each other's twice double the list at each level. */
const MAX_SHADOWS = 16

/** The origin, knowing also what it replaced and what that had replaced; a file included twice counts once. */
function withShadow(origin: Origin, key: string, old: unknown, of: Origin): Origin {
  const all = [...(origin.shadowed ?? []), { file: of.file, line: of.line, whose: of.whose, value: hideSecrets(key, old) }, ...(of.shadowed ?? [])]
  const seen = new Set([`${origin.line} ${origin.file}`])
  const shadowed = all.filter(({ file, line }) => !seen.has(`${line} ${file}`) && seen.add(`${line} ${file}`))
  if (shadowed.length === 0) return origin
  // What the user or the host program says decides what others may repeat: many files of a project don't push it out.
  const kept = shadowed.slice(0, MAX_SHADOWS)
  const isOwn = ({ whose }: Shadowed) => whose !== 'project' && whose !== 'caller'
  const own = kept.some(isOwn) ? undefined : shadowed.find(isOwn)
  return { ...origin, shadowed: own ? [...kept.slice(0, -1), own] : kept }
}

function hideSecrets(key: string, value: unknown): unknown {
  if (key === 'redis_url') return '[REDACTED]'
  const redacted = redactKeys({ [key]: value }, redactAddresses)
  return isRecord(redacted) ? redacted[key] : undefined
}

/** Assigning to `__proto__` would change the object's prototype instead. */
function define(object: JsonObject, key: string, value: unknown): void {
  Object.defineProperty(object, key, { value, enumerable: true, writable: true, configurable: true })
}
