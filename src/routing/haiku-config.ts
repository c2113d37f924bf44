import { isRecord } from '../lib/index.js'
import { ConfigurationError } from '../contract/index.js'
import type { ValueFinding } from '../documents/index.js'
import { isGlob } from './glob.js'

/**
 * What a Claude Haiku takes in its config. Wrong settings of a Haiku are refused, never dropped and never a reason
 * for another candidate: 4.5 thinks by token budgets and knows no effort, 5.5 by effort and knows no budgets.
 */
export interface HaikuQuestion {
  /** module type of the mounted provider; with `policy` the matrix's word */
  backend: string | undefined
  model: unknown
  config: Readonly<Record<string, unknown>>
  /** true before a model is known: patterns and instance names are left for later, the native model's rules hold */
  policy?: boolean
}

/** A finding about the setting `key`; its rule is `code`. */
export interface HaikuProblem extends ValueFinding {
  code: string
  key: string
}

type Fields = Readonly<Record<string, unknown>>

const NATIVE = 'anthropic'
const BY_EFFORT = 'claude-haiku-5-5'
const BY_BUDGET = ['claude-haiku-4-5', 'claude-haiku-4-5-20251001']
const EFFORTS = ['low', 'medium', 'high', 'xhigh', 'max']
const EFFORT_KEYS = ['effort', 'reasoning_effort']
const BUDGET_KEYS = ['thinking_budget_tokens', 'thinking_budget', 'budget_tokens']
const MODES = ['enabled', 'between_tools', 'adaptive', 'disabled']
const POLICY_WORDS = ['anthropic', 'github-copilot', 'gemini', 'openai']
const THINKING_KEYS = ['type', 'mode', 'budget_tokens']
type Scalar = 'text' | 'whole' | 'flag'
const SCALARS: readonly (readonly [key: string, kinds: readonly Scalar[]])[] = [
  ['effort', ['text']], ['reasoning_effort', ['text']], ['thinking_mode', ['text']], ['thinking_type', ['text']],
  ['thinking_budget_tokens', ['whole']], ['thinking_budget', ['whole']], ['budget_tokens', ['whole']],
  ['extended_thinking', ['flag']], ['between_tools', ['flag', 'text']],
]

export function isHaiku(model: unknown): model is string {
  return typeof model === 'string' && model.toLowerCase().includes('haiku')
}

/** Whether a model or a pattern may come to mean a Haiku. */
export function maySelectHaiku(model: unknown): boolean {
  if (isHaiku(model)) return true
  if (typeof model !== 'string' || !isGlob(model)) return false
  return 'claude-haiku-'.startsWith(model.slice(0, model.search(/[*?[]/)).toLowerCase())
}

/** @throws ConfigurationError with the first problem's code, where the config cannot be honoured */
export function requireHaikuConfig(question: HaikuQuestion): void {
  const [problem] = findHaikuProblems(question)
  if (problem === undefined) return
  const { code, key, message } = problem
  throw Object.assign(new ConfigurationError(message, { code }), { model: String(question.model), key })
}

/** Everything in the config that this Haiku cannot honour, in order. */
export function findHaikuProblems(question: HaikuQuestion): HaikuProblem[] {
  return listRefused(question).map(({ code, key }) => ({
    severity: 'error', rule: code, path: key, code, key, message: `${code}: ${String(question.model)} / ${key} REJECTED — ${ADVICE[code] ?? ''}`,
  }))
}

function listRefused({ backend: word, model, config, policy = false }: HaikuQuestion): Pick<HaikuProblem, 'code' | 'key'>[] {
  if (!isHaiku(model)) return []
  if (policy && (isGlob(model) || word === undefined || !POLICY_WORDS.includes(word))) return []
  const backend = policy ? NATIVE : word
  const unknown = findUnknownThinking(config)
  if (unknown.length > 0) return unknown.map((key) => ({ code: 'haiku_thinking_representation_unknown', key }))
  const efforts = listEfforts(config)
  const budgets = listBudgets(config)
  if (efforts.length === 0 && budgets.length === 0) return []
  const support = effortSupport(model, backend)
  const problems: Pick<HaikuProblem, 'code' | 'key'>[] = efforts.flatMap(({ key, effort }) => {
    const code = support === false ? 'haiku_effort_unsupported' : support === undefined ? 'haiku_compatibility_unknown'
      : isOneOf(EFFORTS, effort) ? undefined : 'haiku_effort_invalid'
    return code === undefined ? [] : [{ code, key }]
  })
  if (backend !== NATIVE || !BY_BUDGET.includes(model)) {
    const code = support === true ? 'haiku_manual_thinking_forbidden' : 'haiku_compatibility_unknown'
    problems.push(...budgets.map((key) => ({ code, key })))
  }
  if (support === true && isDisabled(config) && isOneOf(['xhigh', 'max'], effortInForce(config))) {
    problems.push({ code: 'haiku_disabled_thinking_effort', key: 'thinking' })
  }
  return problems
}

/** Whether the model takes an effort; undefined where nobody has shown it for this provider. */
function effortSupport(model: string, backend: string | undefined): boolean | undefined {
  if (BY_BUDGET.includes(model) || model === 'claude-haiku-4.5') return false
  return backend === NATIVE && model === BY_EFFORT ? true : undefined
}

function listEfforts(config: Fields): { key: string; effort: unknown }[] {
  const output = extraOf(config)['output_config']
  const inOutput = isRecord(output) ? output['effort'] : undefined
  return [
    ...EFFORT_KEYS.map((key) => ({ key, effort: config[key] })),
    { key: 'extra_request_params.output_config.effort', effort: inOutput },
  ].filter(({ effort }) => isSaid(effort))
}

function listBudgets(config: Fields): string[] {
  const thinking = thinkingPlaces(config).filter(([, value]) => isRecord(value)
    ? isSaid(value['budget_tokens']) || isOneOf(['enabled', 'between_tools'], value['type']) || value['mode'] === 'between_tools'
    : isOneOf(['enabled', 'between_tools'], value)).map(([key]) => key)
  const modes = ['thinking_mode', 'thinking_type', 'between_tools'].filter((key) =>
    isOneOf(['enabled', 'between_tools'], config[key]) || (key === 'between_tools' && isSaid(config[key])))
  return [...BUDGET_KEYS.filter((key) => isSaid(config[key])), ...thinking, ...modes]
}

/** Ways of saying how to think that nobody has shown to mean one thing. */
function findUnknownThinking(config: Fields): string[] {
  const extra = config['extra_request_params']
  const output = extraOf(config)['output_config']
  const keys: string[] = isSaid(extra) && !isRecord(extra) ? ['extra_request_params'] : []
  if (isSaid(output) && !isRecord(output)) keys.push('extra_request_params.output_config')
  else if (isRecord(output) && !isScalar(output['effort'], ['text'])) keys.push('extra_request_params.output_config.effort')
  keys.push(...SCALARS.filter(([key, kinds]) => !isScalar(config[key], kinds)).map(([key]) => key))
  keys.push(...thinkingPlaces(config).filter(([key, value]) => !isKnownThinking(key, value)).map(([key]) => key))
  keys.push(...['thinking_type', 'thinking_mode'].filter((key) => isSaid(config[key]) && !isOneOf(MODES, config[key])))
  return contradicts(config) ? [...keys, 'thinking'] : keys
}

function isKnownThinking(key: string, value: unknown): boolean {
  if (!isSaid(value)) return true
  if (!isRecord(value)) return key === 'thinking' && isOneOf(MODES, value)
  const { type, mode } = value
  if (Object.keys(value).some((name) => !THINKING_KEYS.includes(name)) || isSaid(mode)) return false
  if (Object.entries(value).some(([name, item]) => !isScalar(item, name === 'budget_tokens' ? ['whole'] : ['text']))) return false
  return isSaid(type) ? isOneOf(MODES, type) : !Object.values(value).some(isSaid)
}

/** Whether two of the places that say how to think say different things. */
function contradicts(config: Fields): boolean {
  const thinking = config['thinking']
  const said = [config['thinking_type'], config['thinking_mode'], isRecord(thinking) ? thinking['type'] : typeof thinking === 'string' ? thinking : undefined]
    .filter(isSaid)
  return said.some((value) => value !== said[0])
}

/** What is sent with the request wins over what is computed from the rest. */
function effortInForce(config: Fields): unknown {
  const extra = extraOf(config)
  if (Object.hasOwn(extra, 'output_config')) {
    const output = extra['output_config']
    return isRecord(output) ? output['effort'] : undefined
  }
  return config['reasoning_effort'] ?? config['effort']
}

function isDisabled(config: Fields): boolean {
  const extra = extraOf(config)
  const thinking = Object.hasOwn(extra, 'thinking') ? extra['thinking'] : config['thinking']
  return (
    thinking === 'disabled' || (isRecord(thinking) && thinking['type'] === 'disabled') ||
    config['thinking_type'] === 'disabled' || config['thinking_mode'] === 'disabled' || config['extended_thinking'] === false
  )
}

function thinkingPlaces(config: Fields): readonly (readonly [key: string, value: unknown])[] {
  return [['thinking', config['thinking']], ['extra_request_params.thinking', extraOf(config)['thinking']]]
}

function extraOf(config: Fields): Fields {
  const extra = config['extra_request_params']
  return isRecord(extra) ? extra : {}
}

function isScalar(value: unknown, kinds: readonly Scalar[]): boolean {
  if (!isSaid(value)) return true
  if (typeof value === 'string') return kinds.includes('text')
  return typeof value === 'boolean' ? kinds.includes('flag') : Number.isInteger(value) && kinds.includes('whole')
}

function isSaid(value: unknown): boolean {
  return value !== undefined && value !== null
}

function isOneOf(words: readonly string[], value: unknown): boolean {
  return typeof value === 'string' && words.includes(value)
}

const ADVICE: Readonly<Partial<Record<string, string>>> = {
  haiku_thinking_representation_unknown: 'say how to think in one place, as one of enabled, between_tools, adaptive, disabled',
  haiku_effort_unsupported: 'Haiku 4.5 takes thinking_budget_tokens, no effort; or choose claude-haiku-5-5 of Anthropic itself',
  haiku_compatibility_unknown: 'name an exact model of Anthropic itself, whose settings are known',
  haiku_effort_invalid: `Haiku 5.5 takes the efforts ${EFFORTS.join(', ')}`,
  haiku_manual_thinking_forbidden: 'take the budget out: Haiku 5.5 decides by effort how long it thinks',
  haiku_disabled_thinking_effort: 'xhigh and max take thinking: let it be on, or choose low, medium or high',
}
