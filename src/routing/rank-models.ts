import { withoutDate } from '../contract/index.js'

/**
 * Model ids, the best first: a trailing date is set aside, digit runs compare as numbers, the text between
 * them by code point in its own case, higher first; equal ones prefer the shorter name, after that the order
 * they came in. So `gpt-5.10` goes before `gpt-5.9`, and `gpt-5.5` before `gpt-5.5-2026-03-05`.
 */
export function rankModels(ids: readonly string[]): string[] {
  return ids
    .map((id) => ({ id, parts: splitVersion(id) }))
    .sort((a, b) => compareParts(b.parts, a.parts) || codePointLength(a.id) - codePointLength(b.id))
    .map(({ id }) => id)
}

/** Text at even places, digit runs at odd ones, so that like is compared with like. */
function splitVersion(id: string): string[] {
  return withoutDate(id).split(/(\d+)/)
}

function compareParts(a: readonly string[], b: readonly string[]): number {
  const shared = Math.min(a.length, b.length)
  for (let place = 0; place < shared; place += 1) {
    const order = place % 2 === 1 ? compareDigits(a[place]!, b[place]!) : compareText(a[place]!, b[place]!)
    if (order !== 0) return order
  }
  return a.length - b.length
}

/** As numbers of any length. */
function compareDigits(a: string, b: string): number {
  const left = a.replace(/^0+/, '')
  const right = b.replace(/^0+/, '')
  return left.length - right.length || (left < right ? -1 : left > right ? 1 : 0)
}

/** By code point; `<` on strings goes by UTF-16 unit, which puts the astral planes too early. */
function compareText(a: string, b: string): number {
  if (a === b) return 0
  let at = 0
  while (at < a.length && at < b.length && a.charCodeAt(at) === b.charCodeAt(at)) at += 1
  return (a.codePointAt(at) ?? -1) - (b.codePointAt(at) ?? -1)
}

function codePointLength(text: string): number {
  let length = 0
  for (const _ of text) length += 1
  return length
}
