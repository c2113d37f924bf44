import { isAbsolute } from 'node:path'

/** Where a value came from, carried beside the object that holds it: a spread or a clone loses it, passing the object keeps it. */

/**
 * Whose text a value is. `project`: a bundle, or what lies in the working directory; somebody else wrote it.
 * `caller`: it came over a wire, or from a host that doesn't say where it has it from. `host`: the program that we run in,
 * or this package itself.
 */
export type Whose = 'user' | 'project' | 'caller' | 'environment' | 'host'

/** An older value of the same key, from a file that was read before. Secrets read `[REDACTED]`. */
export interface Shadowed {
  file: string
  line: number
  whose: Whose
  value: unknown
}

export interface Origin {
  file: string
  /** from 1 */
  line: number
  /** from 1 */
  column: number
  whose: Whose
  /** `candidate`: reached the place where it stands through a routing candidate or a provider preference */
  via?: 'candidate'
  /** what this value replaced, the newest first */
  shadowed?: readonly Shadowed[]
}

/** A place in a file, as findings and origins have it. */
export type Place = Pick<Origin, 'file' | 'line' | 'column'>

/** The key, or the index as text, to the origin of its value. */
export type OriginMap = Readonly<Record<string, Origin>>

/** One symbol for all installs of the package, so that a host's own copy reads what ours wrote. */
export const ORIGIN = Symbol.for('amplifier-chatgpt.origin')

/** Attaches the origins of an object's keys, not enumerable; answers the object. */
export function attachOrigins<T extends object>(object: T, origins: OriginMap): T {
  Object.defineProperty(object, ORIGIN, { value: origins, enumerable: false, configurable: true })
  return object
}

/** The origins of all keys of `object`, empty where nothing is known. */
export function originsOf(object: unknown): OriginMap {
  if (typeof object !== 'object' || object === null) return {}
  const origins: unknown = Reflect.get(object, ORIGIN)
  return typeof origins === 'object' && origins !== null ? (origins as OriginMap) : {}
}

/** The origin of the value under `key`, undefined where it came from host code. */
export function originOf(object: unknown, key: string | number): Origin | undefined {
  const origins = originsOf(object)
  return Object.hasOwn(origins, String(key)) ? origins[String(key)] : undefined
}

const OWN_ORIGIN = Symbol.for('amplifier-chatgpt.own-origin')

/**
 * Notes on an object where it was written itself, for those that travel without the mapping or list that held them. Not
 * enumerable and not part of the JSON, so that noted and plain objects compare alike.
 */
export function noteOwnOrigin<T extends object>(object: T, origin: Partial<Origin>): T {
  return Object.defineProperty(object, OWN_ORIGIN, { value: origin, enumerable: false, configurable: true, writable: true })
}

/** What {@link noteOwnOrigin} noted; undefined for objects made in code. */
export function ownOriginOf(object: unknown): Partial<Origin> | undefined {
  return typeof object === 'object' && object !== null ? (Reflect.get(object, OWN_ORIGIN) as Partial<Origin> | undefined) : undefined
}

/** A shallow copy that keeps the origins. */
export function copyWithOrigins<T extends object>(object: T): T {
  const copy = (Array.isArray(object) ? [...(object as unknown[])] : { ...object }) as T
  const origins = originsOf(object)
  return Object.keys(origins).length === 0 ? copy : attachOrigins(copy, origins)
}

/** `file:line:column`, as editors and terminals make a link of it; as far as they are known. What no file says has its author's name alone. */
export function describeOrigin({ file, line, column, whose }: Partial<Place & { whose: Whose }>): string {
  if (file !== undefined && whose !== undefined && whose !== 'project' && !isAbsolute(file)) return file
  return [file, line, line === undefined ? undefined : column].filter((piece) => piece !== undefined).join(':')
}

/** The origins of everything inside `value`, by dotted path such as `providers.0.config.timeout`. */
export function listOrigins(value: unknown, prefix = ''): Record<string, Origin> {
  const found: Record<string, Origin> = {}
  if (typeof value !== 'object' || value === null) return found
  for (const [key, item] of Object.entries(value)) {
    const path = prefix === '' ? key : `${prefix}.${key}`
    const origin = originOf(value, key)
    if (origin) found[path] = origin
    Object.assign(found, listOrigins(item, path))
  }
  return found
}
