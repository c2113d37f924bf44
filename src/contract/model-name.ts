/** What a model's name says besides the model, as hosts, matrices, settings and lists of models write it. */
export interface ModelName {
  slug: string
  /** from a known `:effort` suffix, lower-cased; `:ultra` is a client's word and reads `max` */
  effort?: string
  /** from the suffix of a tier, as the wire says it */
  serviceTier?: string
}

interface SpeedTier {
  /** the suffix behind its `-`, and the capability of a model that has it */
  word: string
  /** the service tier on the wire */
  wire: string
  /** in a list of models: words by which one of them has the tier */
  listedAs: readonly string[]
  /** steps by which it costs more than the model itself */
  costSteps: number
}

/** The tiers that a name can ask for. A new one is a row here. */
export const SPEED_TIERS: readonly SpeedTier[] = [{ word: 'fast', wire: 'priority', listedAs: ['fast', 'priority'], costSteps: 1 }]

const EFFORTS = new Set(['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max'])

/**
 * Takes `:effort` and then the suffix of a tier off the end of a model name: `gpt-5.5-fast:high` is
 * `{ slug: 'gpt-5.5', effort: 'high', serviceTier: 'priority' }`. A suffix that is no known effort stays part of
 * the name, whole: fine-tuned models have colons of their own. Nothing is taken off that would leave an empty slug.
 */
export function parseModelName(name: string): ModelName {
  const colon = name.lastIndexOf(':')
  if (colon === -1) return takeTier(name)
  const effort = toWireEffort(name.slice(colon + 1).toLowerCase())
  return colon === 0 || !EFFORTS.has(effort) ? { slug: name } : { ...takeTier(name.slice(0, colon)), effort }
}

function takeTier(name: string): ModelName {
  const tier = SPEED_TIERS.find(({ word }) => name.length > word.length + 1 && name.endsWith(`-${word}`))
  return tier ? { slug: name.slice(0, -tier.word.length - 1), serviceTier: tier.wire } : { slug: name }
}

/** The wire's word for a tier; one without a row is the wire's own. */
export function wireTierOf(tier: string): string {
  return SPEED_TIERS.find(({ word }) => word === tier)?.wire ?? tier
}

/** The wire's word for an effort: two of the published client's own words mean others on the wire; all else is itself. */
export function toWireEffort(effort: string): string {
  if (effort === 'ultra') return 'max'
  return effort === 'persistent' ? 'disabled' : effort
}

/** What in a name changes no model: where it was served from, and how fast. */
const SAME_MODEL = new RegExp(`-(?:${[...SPEED_TIERS.map(({ word }) => word), 'codex', 'chat', 'latest', 'preview'].join('|')})(?=-|$)`, 'g')

const DATE = '-(?:\\d{8}|\\d{4}-\\d{2}-\\d{2})'
const TRAILING_DATE = new RegExp(`${DATE}$`)
/** Of a family also in front of other words: `gpt-5.5-2026-03-05-preview`. */
const INNER_DATE = new RegExp(`${DATE}(?=-|$)`)

/** The name without a date at its end, as `-2026-03-05` or `-20260305`. */
export function withoutDate(name: string): string {
  return name.replace(TRAILING_DATE, '')
}

/**
 * The models that can read each other's encrypted reasoning, as one word for its provenance.
 *
 * A family is the slug without what changes no model: effort and tier suffixes, `-codex`, `-chat`,
 * `-latest`, `-preview` and a date. Sizes and siblings (`-mini`, `-pro`, `-sol`, …) stay apart: nobody
 * documents that they read each other, a wrong guess costs a refused request, and a right one would
 * only save reasoning over a change of model. `gpt-5.5-codex-fast` is `gpt-5.5`, `gpt-5.4-mini` itself.
 */
export function modelFamily(slug: string): string {
  const family = slug.toLowerCase().replace(/:.*$/, '').replace(INNER_DATE, '').replace(SAME_MODEL, '')
  return family === '' ? slug : family
}

/** The roles that `role:NAME` stands for where a model's name is asked for, several parted by commas; undefined for any other name. */
export function parseRoleName(name: string): string[] | undefined {
  return /^role:(.+)$/.exec(name)?.[1]?.split(',').map((role) => role.trim())
}
