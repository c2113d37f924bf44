import type { MatrixCandidate, MatrixRoles } from './matrix.js'
import { noteOrigin, originOf } from './origin.js'
import type { Preset } from './preset.js'
import { rungOf } from './tier-ladder.js'

/**
 * What a role falls back on where its first candidate's tier is to be spared: its own candidates of lower tiers, then those tiers
 * themselves, the nearest first. None where the first one is on the lowest, or its provider has no ladder.
 */
export function lowerTiers(candidates: readonly MatrixCandidate[], preset: Preset | undefined): MatrixCandidate[] {
  const [first] = candidates
  if (first === undefined) return []
  const ladder = preset?.tierLadder.get(first.provider) ?? []
  const top = rungOf(first.model, ladder)
  if (top === undefined || top === 0) return []
  const own = candidates.filter((candidate) => {
    const rung = rungOf(candidate.model, preset?.tierLadder.get(candidate.provider))
    return rung !== undefined && rung < top && candidate.provider === first.provider
  })
  const origin = originOf(first)
  const tiers = ladder.slice(0, top).reverse().flat().map((model): MatrixCandidate => {
    const candidate = { ...first, model }
    return origin === undefined ? candidate : noteOrigin(candidate, origin)
  })
  return [...own, ...tiers]
}

/** The roles that keep their model and their place where a quota window runs short, in a matrix that marks none. */
const ESSENTIAL_BY_DEFAULT = 'critical-ops'

/** Whether a role is `essential: true`; where a matrix marks none, `critical-ops` is. */
export function isEssential(role: string, roles: MatrixRoles): boolean {
  const marked = Object.values(roles).some((entry) => entry['essential'] === true)
  return marked ? Object.hasOwn(roles, role) && roles[role]?.['essential'] === true : role === ESSENTIAL_BY_DEFAULT
}
