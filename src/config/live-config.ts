import { isLLMError, type JsonObject } from '../contract/index.js'
import { attachOrigins, originsOf, type Origin } from '../documents/index.js'
import { judgeConfig } from './judge-config.js'
import { isOption, OPTION_SCHEMAS } from './option-schema.js'
import type { ProviderOptions } from './options.js'
import { resolveOptions, type ResolveContext } from './resolve-options.js'
import { trustRowOf } from './trust-table.js'

/** A mount's config as hosts see it and write to it while the mount lives. */
export interface LiveConfig {
  /** What a project may set of the mount's config, no secret among it. Plain and mutable: hosts write here. */
  readonly config: Record<string, unknown>
  /** The options in force: the same object for as long as nothing is written. */
  options(): ProviderOptions
}

/** Read at each call; what else there is was used up by the mount. */
const READ_AT_CALLS: ReadonlySet<string> = new Set([
  'default_model', 'reasoning_effort', 'reasoning_summary', 'text_verbosity', 'service_tier', 'tool_output_max_chars', 'use_streaming',
  'timeout', 'total_timeout', 'first_event_timeout', 'max_retries', 'max_continuations', 'compact_at', 'served_model_policy', 'priority',
])
/** Shown to hosts, here and by the Python package: a user's own options are not secret one by one, but keys and addresses are among them. */
export const SHOWN_OPTIONS: ReadonlySet<string> = new Set(Object.keys(OPTION_SCHEMAS).filter((key) => trustRowOf(key).who === 'project'))
/** What a role pin writes may be a project's text. */
export const WRITTEN: Origin = { file: "the mounted provider's config", line: 1, column: 1, whose: 'project', via: 'candidate' }

export interface LiveConfigOptions extends ResolveContext {
  /** what the mount was given */
  mounted: JsonObject
  /** what was resolved from it */
  options: ProviderOptions
  /** told once of each key that is ignored, and why */
  warn: (message: string) => void
}

/**
 * The config that a mounted provider shows. What is written to it counts from the next call, as if a project had said it:
 * a key that only the user may set, a wrong value and a key that counts at the mount alone are ignored, with one warning.
 */
export function createLiveConfig({ mounted, options, warn, ...context }: LiveConfigOptions): LiveConfig {
  const config: Record<string, unknown> = Object.fromEntries(Object.entries(mounted).filter(([key]) => SHOWN_OPTIONS.has(key)))
  const first = { ...config }
  let seen: Record<string, unknown> = first
  let inForce = options
  const warned = new Set<string>()
  const ignore = (key: string, why: string): void => {
    if (!warned.has(key)) warn(`${key} was written to the mounted provider's config and has no effect: ${why}`)
    warned.add(key)
  }
  const read = (): ProviderOptions => {
    const written = Object.keys({ ...first, ...seen }).filter((key) => seen[key] !== first[key])
    const taken = written.filter((key) => isTaken(key, seen[key], context, ignore))
    if (taken.length === 0) return options
    const origins = { ...originsOf(mounted), ...Object.fromEntries(taken.map((key) => [key, WRITTEN])) }
    const values = Object.fromEntries(taken.map((key) => [key, seen[key]]))
    return resolveOptions(attachOrigins({ ...mounted, ...values }, origins), context).options
  }
  return {
    config,
    options() {
      if (!isSame(config, seen)) {
        seen = { ...config }
        inForce = read()
      }
      return inForce
    },
  }
}

function isTaken(key: string, value: unknown, context: ResolveContext, ignore: (key: string, why: string) => void): boolean {
  if (!isOption(key)) return false
  const alone = attachOrigins({ [key]: value }, { [key]: WRITTEN })
  const [refused] = judgeConfig(alone, { env: context.env ?? process.env })
  if (refused !== undefined) ignore(key, refused.message)
  else if (!READ_AT_CALLS.has(key)) ignore(key, 'it counts at the mount alone')
  else return isValid(alone, key, context, ignore)
  return false
}

function isValid(alone: JsonObject, key: string, context: ResolveContext, ignore: (key: string, why: string) => void): boolean {
  try {
    resolveOptions(alone, context)
    return true
  } catch (error) {
    if (!isLLMError(error)) throw error
    ignore(key, error.words)
    return false
  }
}

function isSame(left: Readonly<Record<string, unknown>>, right: Readonly<Record<string, unknown>>): boolean {
  let count = 0
  for (const key in left) {
    if (left[key] !== right[key]) return false
    count += 1
  }
  return count === Object.keys(right).length
}
