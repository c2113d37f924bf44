/** What a caller's model name says besides the slug that goes on the wire. */
export interface ModelName {
  slug: string
  /** from a known `:effort` suffix, lower-cased; `:ultra` is a client's word and reads `max` */
  effort?: string
  /** from a `-fast` suffix */
  fast: boolean
}

const EFFORTS = new Set(['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max'])
const FAST = '-fast'

/**
 * Takes `:effort` and then `-fast` off the end of a model name: `gpt-5.5-fast:high` is
 * `{ slug: 'gpt-5.5', effort: 'high', fast: true }`. A suffix that is no known effort stays part of
 * the name, whole: fine-tuned models have colons of their own. Nothing is taken off that would leave
 * an empty slug.
 */
export function parseModelName(name: string): ModelName {
  const colon = name.lastIndexOf(':')
  if (colon === -1) return takeFast(name)
  const effort = toWireEffort(name.slice(colon + 1).toLowerCase())
  if (colon === 0 || !EFFORTS.has(effort)) return { slug: name, fast: false }
  const { slug, fast } = takeFast(name.slice(0, colon))
  return { slug, effort, fast }
}

function takeFast(name: string): ModelName {
  const fast = name.length > FAST.length && name.endsWith(FAST)
  return { slug: fast ? name.slice(0, -FAST.length) : name, fast }
}

/** The wire's word for an effort: two of the published client's own words mean others on the wire; all else is itself. */
export function toWireEffort(effort: string): string {
  if (effort === 'ultra') return 'max'
  return effort === 'persistent' ? 'disabled' : effort
}
