import { addNewest } from './keep-newest.js'

const SECRET_KEYS = new Set([
  'apikey', 'secret', 'clientsecret', 'password', 'token', 'accesstoken', 'refreshtoken', 'idtoken', 'credential',
  'credentials', 'privatekey', 'auth', 'authorization', 'cookie', 'setcookie', 'codeverifier',
])
const REDACTED = '[REDACTED]'
const MAX_DEPTH = 64

/**
 * A copy in which every value under a secret's name reads `[REDACTED]`, at any depth. The names are
 * the host contract's, compared lower-cased and without `-` and `_`, whole: `input_tokens` stays.
 */
export function redactKeys(value: unknown, mapText: (text: string) => string = (text) => text, depth = 0): unknown {
  if (typeof value === 'string') return mapText(value)
  if (typeof value !== 'object' || value === null) return value
  if (depth > MAX_DEPTH) return REDACTED
  if (Array.isArray(value)) return value.map((item) => redactKeys(item, mapText, depth + 1))
  const copy: Record<string, unknown> = {}
  for (const [key, item] of Object.entries(value)) {
    const secret = SECRET_KEYS.has(key.toLowerCase().replaceAll(/[-_]/g, ''))
    copy[key] = secret ? REDACTED : redactKeys(item, mapText, depth + 1)
  }
  return copy
}

/** Texts without the user and password of the addresses in them, also where the password holds a slash. */
export function redactAddresses(text: string): string {
  return text.replaceAll(/\/\/[^\s"'<>]*@/g, '//[REDACTED]@')
}

export interface Redactor {
  /** From now on `secret` (8 characters or more) is taken out of everything that passes; the newest 64 are remembered. */
  register(secret: string | undefined): void
  text(text: string): string
  /** {@link redactKeys}, and registered secrets taken out of every string. */
  value(value: unknown): unknown
  /** The same error, with registered secrets taken out of everything it and its causes say, hidden fields included. */
  error<Thrown>(thrown: Thrown): Thrown
}

const MIN_SECRET_LENGTH = 8
const MAX_SECRETS = 64
const MAX_CAUSES = 16

/** The one sink that log lines, events, errors and reports pass on their way out. */
export function createRedactor(): Redactor {
  const secrets = new Set<string>()
  const text = (input: string): string => {
    let output = input
    for (const secret of secrets) if (output.includes(secret)) output = output.replaceAll(secret, REDACTED)
    return output
  }
  return {
    register(secret) {
      if (secret === undefined || secret.length < MIN_SECRET_LENGTH) return
      addNewest(secrets, secret, MAX_SECRETS)
    },
    text,
    value: (value) => redactKeys(value, text),
    error(thrown) {
      let error: unknown = thrown
      for (let depth = 0; error instanceof Error && depth < MAX_CAUSES; depth++) {
        cleanError(error, text)
        error = error.cause
      }
      return thrown
    },
  }
}

/** In its place, so that it stays the error its thrower made: same class, same identity. */
function cleanError(error: Error, text: (text: string) => string): void {
  for (const [key, property] of Object.entries(Object.getOwnPropertyDescriptors(error))) {
    const found: unknown = property.value
    // What had arrived is the caller's; a field that nobody may redefine is the library's that made it.
    if (key === 'partial' || key === 'cause' || !property.configurable) continue
    const clean = typeof found === 'string' ? text(found) : isPlain(found) ? redactKeys(found, text) : found
    if (clean !== found) Object.defineProperty(error, key, { ...property, value: clean })
  }
}

function isPlain(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype
}
