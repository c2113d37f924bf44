import type { JsonObject } from '../contract/index.js'
import { below, explainRefusal, findOthers, judgeVariables, refuse, type Leaf, type Refusal, type Standing } from './standing.js'
import { TRUST_TABLE } from './trust-table.js'

export interface ForeignPlace {
  /** a routing candidate's or a provider preference's config */
  isCandidate?: boolean
  /** the entry mounts a provider, which has credentials of its own, maybe from the environment */
  isProvider?: boolean
  /** the user, the environment or the host program wrote a part of the entry: the key of one may go to the address of another */
  isShared?: boolean
}

/** How other providers' models are told to think and answer: what a candidate's config is for. */
const BEHAVIOUR: readonly string[] = [
  'effort', 'thinking', 'thinking_mode', 'thinking_type', 'thinking_budget', 'thinking_budget_tokens', 'budget_tokens', 'extended_thinking',
  'between_tools', 'enable_prompt_caching', 'temperature', 'top_p', 'top_k', 'seed', 'max_tokens', 'max_output_tokens', 'verbosity', 'speed',
]

/**
 * Values of another module's config that a project may not put there. What its options mean is not known here. A project may
 * write an entry of its own, without variables and without the keys by which modules are told endpoints, keys and stores. To a
 * provider, which may have credentials from the environment, and to an entry that the user or the host program had a part in,
 * it may say how models behave and nothing else.
 */
export function judgeForeignConfig(config: JsonObject, standing: Standing, place: ForeignPlace): Refusal[] {
  return Object.keys(config).flatMap((key) => {
    const inner = below(standing, config, key)
    const refused = findOthers(config[key], key, inner).filter((leaf) => oversteps(key, leaf, place)).slice(0, 1)
    if (refused.length > 0) return refused.map((leaf) => refuse(leaf.path, explainRefusal(leaf.path, reasonOf(key, place), leaf), leaf))
    return judgeVariables(config[key], key, { ...inner, context: {} })
  })
}

function oversteps(key: string, leaf: Leaf, { isCandidate = false, isProvider = false, isShared = false }: ForeignPlace): boolean {
  const row = Object.hasOwn(TRUST_TABLE, key) ? TRUST_TABLE[key] : undefined
  if (BEHAVIOUR.includes(key) || (row && row.who !== 'user')) return false
  if (row?.bound) return true
  const cameAsCandidate = isCandidate || leaf.origin?.via === 'candidate'
  // A user's own matrix may say to other providers what it likes.
  return (cameAsCandidate || isProvider || isShared) && leaf.origin?.whose === 'project'
}

function reasonOf(key: string, { isShared = false }: ForeignPlace): string {
  const why = Object.hasOwn(TRUST_TABLE, key) ? TRUST_TABLE[key]?.why : undefined
  if (why !== undefined) return why
  return isShared ? 'it would be mixed with what the user or the host program says to that module' : 'it may decide where that provider sends its credentials'
}

