export type Environment = Readonly<Record<string, string | undefined>>

const VARIABLE = /\$\{([A-Za-z_][A-Za-z0-9_]*)(?::([^}]*))?\}/g
/** No real config is deeper; a cycle made in host code would never end. */
export const MAX_DEPTH = 100

/** True where the text holds a `${VAR}` or `${VAR:default}`. */
export function hasVariable(text: string): boolean {
  return text.search(VARIABLE) !== -1
}

/**
 * The text with `${VAR}` and `${VAR:default}` taken from the environment; unset without a default is
 * empty. What a variable holds is not expanded again.
 */
export function expandText(text: string, env: Environment): string {
  if (!text.includes('${')) return text
  return text.replaceAll(VARIABLE, (_match, name: string, fallback: string | undefined) => env[name] ?? fallback ?? '')
}

/** True for a list or a mapping as files hold them; a host's live object in a config is not walked through. */
export function isPlain(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return Array.isArray(value) || prototype === Object.prototype || prototype === null
}

/** A copy in which every string, at any depth, is expanded. */
export function expandVariables(value: unknown, env: Environment, depth = 0): unknown {
  if (typeof value === 'string') return expandText(value, env)
  if (!isPlain(value) || depth > MAX_DEPTH) return value
  if (Array.isArray(value)) return value.map((item) => expandVariables(item, env, depth + 1))
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, expandVariables(item, env, depth + 1)]))
}
