/**
 * Numbers and moments from outside: tokens, headers, events, files. What is in range is read, everything else is absent,
 * and nothing is thrown: a server's `expires_in: 1e13` must not end a sign-in, nor a far-off reset an answer.
 */

/** The last moment whose ISO 8601 text has a year of four digits; later ones are written in a form that few readers know. */
const LAST_MOMENT_MS = Date.UTC(9999, 11, 31, 23, 59, 59, 999)
/** As seconds this would be after the year 5000. */
const MOST_SECONDS = 1e11
const NUMBER = /^\s*[+-]?\d{1,24}(?:\.\d{1,12})?(?:[eE][+-]?\d{1,3})?\s*$/
const ISO = /^\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?: ?Z| ?[+-]\d\d:?\d\d)?)?$/i
/** The three forms of an HTTP date (RFC 9110, 5.6.7); `Date.parse` alone reads a year out of nearly any text. */
const HTTP_DATE = /^[a-z]{3,9}, \d{1,2}[ -][a-z]{3}[ -]\d{2,4} \d\d:\d\d:\d\d(?: GMT| UTC| [+-]\d{4})?$|^[a-z]{3} [a-z]{3} [ \d]\d \d\d:\d\d:\d\d \d{4}$/i
const ZONE = /(?:Z|[+-]\d\d:?\d\d|GMT|UTC)$/

export interface NumberRange {
  least?: number
  most?: number
}

/** A number, also as decimal text, that is finite and within the range, both ends included; undefined for anything else. */
export function decodeNumber(value: unknown, { least = -Number.MAX_VALUE, most = Number.MAX_VALUE }: NumberRange = {}): number | undefined {
  const number = typeof value === 'string' && NUMBER.test(value) ? Number(value) : value
  return typeof number === 'number' && number >= least && number <= most ? number + 0 : undefined // + 0: JSON has no -0, and what is kept reads back as it was
}

/**
 * Ms since 1970 of a moment: a number of seconds, or of milliseconds (told by its size), ISO 8601 (UTC where it names no
 * zone) or an HTTP date. Undefined before 1970 and after the year 9999.
 */
export function decodeMoment(value: unknown): number | undefined {
  const number = decodeNumber(value)
  if (number !== undefined) return inRange(number > MOST_SECONDS ? number : number * 1000)
  if (typeof value !== 'string') return undefined
  const text = value.trim().toUpperCase()
  if (HTTP_DATE.test(text)) return inRange(Date.parse(ZONE.test(text) ? text : `${text} GMT`))
  if (!ISO.test(text)) return undefined
  const moment = text.replace(' ', 'T').replace(' ', '')
  // Without a zone it would be local time; a date alone is UTC, and takes no zone behind it.
  return inRange(Date.parse(!moment.includes('T') || ZONE.test(moment) ? moment : `${moment}Z`))
}

/** `fromMs` and so many milliseconds more; undefined where no date can hold it. */
export function momentAfter(fromMs: number, spanMs: number | undefined): number | undefined {
  return spanMs === undefined ? undefined : inRange(fromMs + spanMs)
}

/** The moment as ISO 8601; undefined for what {@link decodeMoment} would not read back. */
export function formatMoment(ms: number | undefined): string | undefined {
  const moment = ms === undefined ? undefined : inRange(ms)
  return moment === undefined ? undefined : new Date(moment).toISOString()
}

/** Whole milliseconds: what is written as a date and read back is the same number. */
function inRange(ms: number): number | undefined {
  const whole = Math.trunc(ms)
  return whole > 0 && whole <= LAST_MOMENT_MS ? whole : undefined
}
