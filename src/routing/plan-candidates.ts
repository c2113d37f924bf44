import type { CallerContext, ClampRecord } from '../contract/index.js'
import { isRecord } from '../lib/index.js'
import { noteOrigin, originOf } from './origin.js'
import { clampsTier, effortKeyOf, isActive, takesEffort, type Preset } from './preset.js'
import { pythonRepr, pythonText } from './python-text.js'
import { rungOf } from './tier-ladder.js'

/** How often roles may still go above the caller's tier in this session. */
export interface EscalationBudget {
  maxUses: number
  used: number
}

export interface PlanOptions {
  role: string
  /** as the matrix has them; what is no mapping counts as absent */
  candidates: readonly unknown[]
  caller: CallerContext | undefined
  preset: Preset | undefined
  /** none: nothing may escalate */
  escalations?: EscalationBudget
}

export interface Plan {
  /** what is tried, in order */
  candidates: readonly unknown[]
  /** what was asked, what is granted and why; absent where there is nothing to say */
  record?: ClampRecord
}

type Candidate = Readonly<Record<string, unknown>>

/** What every rule of a plan reads. */
interface Planning {
  role: string
  preset: Preset
  caller: CallerContext
  first: Candidate
  mappings: readonly Candidate[]
  left: number
}

/**
 * A role's candidates as the caller's intent allows them: its effort taken over, dearer tiers left out or replaced.
 * Nothing given is changed; a granted escalation shows in the record as `escalated`, and the caller counts it.
 */
export function planCandidates({ role, candidates, caller, preset, escalations }: PlanOptions): Plan {
  if (!isActive(preset)) return { candidates }
  const left = escalations === undefined ? 0 : Math.max(0, escalations.maxUses - escalations.used)
  if (caller === undefined) {
    return unchanged(candidates, preset, {
      role, mode: preset.inherit, honored: false, reason: 'caller context unavailable -- matrix candidate used as-is', caller: null,
      requested: NOTHING, granted: NOTHING, escalated: false, escalations_remaining: 0,
    })
  }
  const mappings = candidates.filter(isRecord)
  const [first] = mappings
  if (first === undefined) return { candidates }
  const planning: Planning = { role, preset, caller, first, mappings, left }
  if (!clampsTier(preset)) return takeOverEffort(planning)
  const ladder = preset.tierLadder.get(caller.family)
  const rung = rungOf(caller.model, ladder)
  if (rung === undefined) {
    const reason = `caller model ${pythonRepr(caller.model)} is not on the ${pythonRepr(caller.family)} tier ladder -- no ceiling could be derived`
    return unchanged(candidates, preset, refusal(planning, reason))
  }
  return (
    escalate(planning, candidates, rung, escalations) ??
    keepBelow(planning, rung) ??
    substitute(planning, candidates, rung)
  )
}

const NOTHING = Object.freeze({ model: null, effort: null })

function unchanged(candidates: readonly unknown[], { reportUnhonored }: Preset, record: ClampRecord): Plan {
  return reportUnhonored ? { candidates, record } : { candidates }
}

function takeOverEffort(planning: Planning): Plan {
  const candidates = planning.mappings.map((candidate) => withCallerEffort(candidate, planning))
  const top = candidates[0]!
  const honored = takesEffort(planning.preset, modelOf(top))
  const reason = honored ? 'effort inherited' : 'effort unsupported on target model'
  return { candidates, record: { ...grant(planning, reason, top), honored } }
}

/** A role on the list may go above the caller's tier, with its own effort, as often as the session has uses left. */
function escalate(planning: Planning, candidates: readonly unknown[], callerRung: number, budget: EscalationBudget | undefined): Plan | undefined {
  const { role, preset, first, left } = planning
  if (preset.inherit === 'strict' || budget === undefined || left <= 0 || !preset.escalate.allowRoles.includes(role)) return undefined
  const rung = rungIn(planning, first)
  if (rung === undefined || rung <= callerRung) return undefined
  const reason = `escalation granted for role ${pythonRepr(role)} (rung ${rung} > caller rung ${callerRung})`
  return { candidates, record: { ...grant(planning, reason, first), escalated: true, escalations_remaining: left - 1 } }
}

function keepBelow(planning: Planning, callerRung: number): Plan | undefined {
  const { preset: { inherit }, first, mappings } = planning
  const kept = mappings.filter((candidate) => {
    const rung = rungIn(planning, candidate)
    return rung !== undefined && rung <= callerRung
  })
  if (kept.length === 0) return undefined
  const candidates = kept.map((candidate) => withCallerEffort(candidate, planning))
  const top = candidates[0]!
  const clamped = modelOf(top) !== modelOf(first)
  const reason = clamped ? `clamped to caller rung ${callerRung}` : `candidate already at or below caller rung ${callerRung}`
  return { candidates, record: grant(planning, `${inherit}: ${reason}`, top) }
}

/**
 * Where no candidate is cheap enough, the caller's own tier of the first one's family, and nothing after it: where that
 * does not resolve either, a host falls to its default, which is the caller's own model.
 */
function substitute(planning: Planning, candidates: readonly unknown[], callerRung: number): Plan {
  const { preset, caller, first } = planning
  const family = familyOf(first)
  const ladder = preset.tierLadder.get(family) ?? []
  if (ladder.length === 0) {
    const reason = `no candidate at or below caller rung ${callerRung} and no ${pythonRepr(family)} ladder to substitute from`
    return unchanged(candidates, preset, refusal(planning, reason))
  }
  const rung = Math.min(callerRung, ladder.length - 1)
  // The caller's own model is known to serve; a rung's glob might match none, or a dearer sister.
  const own = family === caller.family && rungOf(caller.model, ladder) === rung
  const target = own
    ? { provider: caller.provider_key || family, model: caller.model }
    : { provider: family, model: ladder[rung]?.[0] ?? '' }
  const config = isRecord(first['config']) ? { ...first['config'] } : {}
  const granted = withCallerEffort(copyOrigin(first, { ...target, config }), planning)
  const reason = `${preset.inherit}: no curated candidate at or below caller rung ${callerRung}; substituted the ladder rung for ${pythonRepr(family)}`
  return { candidates: [granted], record: grant(planning, reason, granted) }
}

/** The caller's effort wins over the candidate's own; a model that takes none loses the key. */
function withCallerEffort(candidate: Candidate, { preset, caller }: Planning): Candidate {
  const { config, ...rest } = candidate
  const settings: Record<string, unknown> = isRecord(config) ? { ...config } : {}
  const key = effortKeyOf(preset, familyOf(candidate))
  if (!takesEffort(preset, modelOf(candidate))) delete settings[key]
  else if (caller.effort !== null) settings[key] = caller.effort
  return copyOrigin(candidate, Object.keys(settings).length === 0 ? rest : { ...rest, config: settings })
}

function copyOrigin<Copy extends object>(from: object, to: Copy): Copy {
  const origin = originOf(from)
  return origin === undefined ? to : noteOrigin(to, origin)
}

function grant({ role, preset, caller, first, left }: Planning, reason: string, granted: Candidate): ClampRecord {
  return {
    role, mode: preset.inherit, honored: true, reason, caller: { ...caller },
    requested: { model: modelOf(first), effort: effortOf(first, preset) },
    granted: { model: modelOf(granted), effort: effortOf(granted, preset) },
    escalated: false, escalations_remaining: left,
  }
}

/** A record of intent that could not be taken over: the candidates stay as they are, their efforts unsaid. */
function refusal({ role, preset, caller, first, left }: Planning, reason: string): ClampRecord {
  const asIs = { model: modelOf(first), effort: null }
  return {
    role, mode: preset.inherit, honored: false, reason, caller: { ...caller },
    requested: asIs, granted: { ...asIs }, escalated: false, escalations_remaining: left,
  }
}

function rungIn({ preset: { tierLadder } }: Planning, candidate: Candidate): number | undefined {
  return rungOf(modelOf(candidate), tierLadder.get(familyOf(candidate)))
}

function effortOf(candidate: Candidate, preset: Preset): string | null {
  const config = candidate['config']
  const value = isRecord(config) ? config[effortKeyOf(preset, familyOf(candidate))] : undefined
  return value === undefined || value === null ? null : pythonText(value)
}

function modelOf({ model }: Candidate): string {
  return model === undefined ? '' : pythonText(model)
}

function familyOf({ provider }: Candidate): string {
  return provider === undefined ? '' : pythonText(provider)
}
