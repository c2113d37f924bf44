import { isRecord } from '../lib/index.js'
import { ConfigurationError } from '../contract/index.js'
import { foldCase, matchesGlob } from './glob.js'
import { isFalsy, pythonInt, pythonRepr, pythonText } from './python-text.js'
import type { TierLadder } from './tier-ladder.js'

/** How much of the caller's intent a delegated role takes over. */
export const INHERIT_MODES = ['none', 'effort', 'tier-and-effort', 'strict'] as const

/** The config key that carries an effort, in every family. */
export const EFFORT_KEY = 'reasoning_effort'

/** What a `preset:` block says, read leniently: what has the wrong type counts as not written. */
export interface Preset {
  /** one of {@link INHERIT_MODES}, or a word that {@link findPresetProblems} refuses */
  readonly inherit: string
  /** family → its tiers, the cheapest first */
  readonly tierLadder: ReadonlyMap<string, TierLadder>
  /** roles that may go above the caller's tier, and how often in a session */
  readonly escalate: { readonly allowRoles: readonly string[]; readonly maxUses: number; readonly onExhausted: string }
  /** whether a record is made where the caller's intent could not be taken over */
  readonly reportUnhonored: boolean
  readonly effortKeys: ReadonlyMap<string, string>
  /** globs of models that take no effort */
  readonly effortUnsupported: readonly string[]
  /** Read and checked, without effect on a route: what a host may do with its children. */
  readonly axis: readonly string[]
  readonly sessionScoped: unknown
  readonly fanOutMax: unknown
  readonly delegateTimeoutS: unknown
  readonly onTimeout: string
  readonly context: unknown
}

const NO_EFFORT = ['claude-haiku-*']

/** The preset of a matrix file; undefined where it has none, or none that is a mapping. @throws ConfigurationError for a `max_uses` that is no number */
export function parsePreset(matrix: Readonly<Record<string, unknown>>): Preset | undefined {
  const block = matrix['preset']
  if (!isRecord(block)) return undefined
  const delegation = mapping(block['delegation'])
  const escalate = mapping(delegation['escalate'])
  const unsupported = block['effort_unsupported']
  return {
    inherit: textOf(delegation, 'inherit', 'none'),
    tierLadder: new Map(Object.entries(mapping(block['tier_ladder'])).map(([family, rungs]) => [family, readLadder(rungs)])),
    escalate: {
      allowRoles: texts(escalate['allow_roles']),
      maxUses: readMaxUses(escalate['max_uses']),
      onExhausted: textOf(escalate, 'on_exhausted', 'fall_back'),
    },
    reportUnhonored: Object.hasOwn(delegation, 'report_unhonored') ? !isFalsy(delegation['report_unhonored']) : true,
    effortKeys: new Map(Object.entries(mapping(block['effort_keys'])).map(([family, key]) => [family, pythonText(key)])),
    effortUnsupported: Array.isArray(unsupported) ? unsupported.map(pythonText) : NO_EFFORT,
    axis: texts(block['axis']),
    sessionScoped: block['session_scoped'],
    fanOutMax: delegation['fan_out_max'] ?? undefined,
    delegateTimeoutS: delegation['delegate_timeout_s'] ?? undefined,
    onTimeout: textOf(delegation, 'on_timeout', 'partial'),
    context: block['context'],
  }
}

/** Whether the preset changes a resolution at all. */
export function isActive(preset: Preset | undefined): preset is Preset {
  return preset !== undefined && preset.inherit !== 'none'
}

/** Whether the preset keeps a role at or below the caller's tier. */
export function clampsTier({ inherit }: Preset): boolean {
  return inherit === 'tier-and-effort' || inherit === 'strict'
}

export function effortKeyOf(preset: Preset, family: string): string {
  return preset.effortKeys.get(family) ?? EFFORT_KEY
}

export function takesEffort(preset: Preset, model: string): boolean {
  const folded = foldCase(model)
  return !preset.effortUnsupported.some((glob) => matchesGlob(glob, folded))
}

function readLadder(rungs: unknown): TierLadder {
  if (!Array.isArray(rungs)) return []
  return rungs.flatMap((rung: unknown): string[][] => {
    if (typeof rung === 'string') return [[rung]]
    return Array.isArray(rung) ? [rung.filter((glob): glob is string => typeof glob === 'string')] : []
  })
}

function readMaxUses(value: unknown): number {
  const uses = isFalsy(value) ? 0 : pythonInt(value)
  if (uses !== undefined) return uses
  throw new ConfigurationError(`preset.delegation.escalate.max_uses=${pythonRepr(value)} is no whole number`, { code: 'matrix_preset' })
}

function mapping(value: unknown): Record<string, unknown> {
  return isRecord(value) ? value : {}
}

function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.map(pythonText) : []
}

function textOf(record: Record<string, unknown>, key: string, fallback: string): string {
  return Object.hasOwn(record, key) ? pythonText(record[key]) : fallback
}
