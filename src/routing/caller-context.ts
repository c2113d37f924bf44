import type { CallerContext } from '../contract/index.js'
import { configOf, type PlanEntry } from './plan-entries.js'
import { effortKeyOf, type Preset } from './preset.js'
import { bareName, familyOf } from './provider-words.js'
import { pythonInt, pythonText } from './python-text.js'

/** An entry that says no priority is the last to be taken for the session's own; a resolution counts it as 0. */
const UNSAID_PRIORITY = 100

/**
 * What the session itself runs on, by its own mount plan: the entry with the lowest priority, its `default_model` and
 * effort. Undefined where that entry names no model: nothing is guessed.
 */
export function deriveCallerContext(entries: readonly PlanEntry[], preset: Preset | undefined): CallerContext | undefined {
  const own = findOwn(entries)
  if (own === undefined) return undefined
  const config = configOf(own)
  const model = config['default_model']
  if (typeof model !== 'string' || model === '') return undefined
  const module = textOf(own['module'])
  const family = onLadder(bareName(module) || textOf(own['id']), preset)
  const effort = config[preset === undefined ? 'reasoning_effort' : effortKeyOf(preset, family)]
  return {
    family, model,
    effort: effort === undefined || effort === null ? null : pythonText(effort),
    provider_key: textOf(own['instance_id']) || textOf(own['id']) || module,
  }
}

function findOwn(entries: readonly PlanEntry[]): PlanEntry | undefined {
  let best: PlanEntry | undefined
  let lowest = Number.POSITIVE_INFINITY
  for (const entry of entries) {
    const config = configOf(entry)
    const written = Object.hasOwn(config, 'priority') ? config['priority'] : UNSAID_PRIORITY
    const priority = pythonInt(written) ?? UNSAID_PRIORITY
    if (priority >= lowest) continue
    best = entry
    lowest = priority
  }
  return best
}

/** A family without a ladder takes that of the family it belongs to: `openai-chatgpt` stands on the ladder of `openai`. */
function onLadder(type: string, preset: Preset | undefined): string {
  if (preset === undefined || preset.tierLadder.has(type)) return type
  const family = familyOf(type)
  return family !== undefined && preset.tierLadder.has(family) ? family : type
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
