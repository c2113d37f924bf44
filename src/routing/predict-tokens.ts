import type { CallRecord, CallTokens } from './call-record.js'

/** Who answers: a model at an effort; without one the model's own default decides. */
export interface Served {
  model: string
  effort?: string
}

/** What a call would have cost elsewhere. */
export type PredictTokens = (tokens: CallTokens, from: Served, to: Served) => { tokens: CallTokens; learned: boolean }

/** Pairs seen in fewer calls than this say nothing of how long they think. */
const ENOUGH_CALLS = 5

/**
 * Input, cached input and visible output are taken as recorded; reasoning in proportion to how much the two think a
 * visible token, as the recording shows it: for the pair of model and effort, else for the effort alone.
 */
export function createTokenPrediction(records: readonly CallRecord[]): PredictTokens {
  const ratios = learnRatios(records)
  const ratioOf = (served: Served): number | undefined => ratios.get(pairKey(served))
  const effortRatio = ({ effort }: Served): number | undefined => (effort === undefined ? undefined : ratios.get(pairKey({ model: '', effort })))
  return (tokens, from, to) => {
    if (sameServed(from, to) || tokens.reasoning_tokens === 0) return { tokens, learned: true }
    const factor = quotient(ratioOf(to), ratioOf(from)) ?? (from.effort === to.effort ? 1 : quotient(effortRatio(to), effortRatio(from)))
    if (factor === undefined) return { tokens, learned: false }
    const reasoning = Math.round(tokens.reasoning_tokens * factor)
    return { learned: true, tokens: { ...tokens, reasoning_tokens: reasoning, output_tokens: tokens.output_tokens - tokens.reasoning_tokens + reasoning } }
  }
}

export function sameServed(one: Served, other: Served): boolean {
  return one.model === other.model && one.effort === other.effort
}

const pairKey = ({ model, effort }: Served): string => `${model}\0${effort ?? ''}`

function quotient(to: number | undefined, from: number | undefined): number | undefined {
  return to === undefined || from === undefined || from === 0 ? undefined : to / from
}

/** Reasoning a visible token: by model and effort, and under an empty model by effort. */
function learnRatios(records: readonly CallRecord[]): Map<string, number> {
  const sums = new Map<string, { calls: number; reasoning: number; visible: number }>()
  for (const { model, effort, tokens } of records) {
    if (tokens === undefined) continue
    for (const key of [pairKey({ model, effort }), pairKey({ model: '', effort })]) {
      const sum = sums.get(key) ?? { calls: 0, reasoning: 0, visible: 0 }
      sum.calls += 1
      sum.reasoning += tokens.reasoning_tokens
      sum.visible += tokens.output_tokens - tokens.reasoning_tokens
      sums.set(key, sum)
    }
  }
  return new Map([...sums].flatMap(([key, { calls, reasoning, visible }]) => (calls < ENOUGH_CALLS || visible === 0 ? [] : [[key, reasoning / visible] as const])))
}
