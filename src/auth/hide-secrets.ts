const INSPECT = Symbol.for('nodejs.util.inspect.custom')
const SECRETS = ['access_token', 'refresh_token', 'id_token', 'accessToken', 'api_key', 'code_verifier', 'authorization_code']

/**
 * The same object, printed without its tokens: `console.log` and `util.inspect` show `[REDACTED]`.
 * JSON stays whole, since that is how a record is saved.
 */
export function hideSecrets<T extends object>(value: T): T {
  Object.defineProperty(value, INSPECT, {
    enumerable: false,
    configurable: true,
    value: () => Object.fromEntries(
      Object.entries(value).map(([key, item]) => [key, SECRETS.includes(key) && item != null ? '[REDACTED]' : (item as unknown)]),
    ),
  })
  return value
}

/** The same object with `keys` readable and not enumerable: neither a log nor `JSON.stringify` shows them. */
export function hideProperties<T extends object>(value: T, ...keys: (keyof T)[]): T {
  for (const key of keys) {
    if (value[key] === undefined) continue
    Object.defineProperty(value, key, { value: value[key], enumerable: false, writable: false, configurable: true })
  }
  return value
}

/** Makes the tokens of a record or a reply known to a redactor. */
export function registerTokens(
  register: ((secret: string | undefined) => void) | undefined,
  value: { readonly [key in 'access_token' | 'refresh_token' | 'id_token']?: string | null | undefined },
): void {
  for (const key of ['access_token', 'refresh_token', 'id_token'] as const) register?.(value[key] ?? undefined)
}
