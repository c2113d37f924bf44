import { withoutDate, type Usage } from '../contract/index.js'
import { decimalText, defined } from '../lib/index.js'

/** Dollars for a million tokens. */
export interface ModelPrice {
  input: number
  /** of input that was cached */
  cache_read: number
  /** of input that is cached from then on; absent where that costs what input costs */
  cache_write?: number
  output: number
}

/** When the prices were looked up. */
export const PRICES_DATE = '2026-11-10'

/** Above so many input tokens a request costs twice as much, its output half as much again, where the model takes as many. */
const LONG_INPUT = 272_000
const LONG_FACTORS = { input: 2, output: 1.5 }

type Row = readonly [input: number, cacheRead: number, output: number, cacheWrite?: number]

/** List prices of the metered API's default tier, by the name without a date. A model that is not here has no known price. */
const PRICES: Readonly<Record<string, Row>> = {
  'gpt-6.1-sol': [2, 0.1, 10, 2.5], 'gpt-6.1-terra': [1, 0.05, 5, 1.25],
  'gpt-6-astra': [10, 1, 50, 12.5], 'gpt-6-sol': [2, 0.2, 10, 2.5], 'gpt-6-luna': [0.1, 0.01, 0.5, 0.125],
  'gpt-5.6-sol': [4, 0.4, 20, 5], 'gpt-5.6-terra': [2, 0.2, 12, 2.5], 'gpt-5.6-luna': [0.2, 0.02, 1.2, 0.25],
  'gpt-5.5': [5, 0.5, 30], 'gpt-5.4': [2.5, 0.25, 15], 'gpt-5.4-mini': [0.75, 0.075, 4.5], 'gpt-5.4-nano': [0.2, 0.02, 1.25],
  'gpt-5.3-codex': [1.75, 0.175, 14], 'gpt-5.2': [1.75, 0.175, 14], 'gpt-5.1': [1.25, 0.125, 10],
  'gpt-5': [1.25, 0.125, 10], 'gpt-5-mini': [0.25, 0.025, 2], 'gpt-5-nano': [0.05, 0.005, 0.4],
  'gpt-4.1': [2, 0.5, 8], 'gpt-4.1-mini': [0.4, 0.1, 1.6], 'gpt-4.1-nano': [0.1, 0.025, 0.4],
  'gpt-4o': [2.5, 1.25, 10], 'gpt-4o-mini': [0.15, 0.075, 0.6], o3: [2, 0.5, 8], 'o4-mini': [1.1, 0.275, 4.4],
}
/** Those that have the tariff of {@link LONG_INPUT}. */
const LONG_TARIFF = /^gpt-(?:6|5\.[456])/
/** Too small a window for it. */
const NO_LONG_TARIFF: ReadonlySet<string> = new Set(['gpt-5.4-mini', 'gpt-5.4-nano'])

/** What a million tokens cost on the default tier; undefined for a model whose price is not known. */
export function priceOf(model: string): ModelPrice | undefined {
  const name = priceName(model)
  const row = Object.hasOwn(PRICES, name) ? PRICES[name] : undefined
  if (row === undefined) return undefined
  const [input, cacheRead, output, cacheWrite] = row
  return { input, cache_read: cacheRead, output, ...defined({ cache_write: cacheWrite }) }
}

const priceName = (model: string): string => withoutDate(model.toLowerCase())

type Counted = Pick<Usage, 'input_tokens' | 'output_tokens' | 'cache_read_tokens' | 'cache_write_tokens'>

/** What one request's tokens cost, a decimal in dollars; undefined for a model whose price is not known. */
export function costOf(model: string, usage: Counted): string | undefined {
  const price = priceOf(model)
  return price === undefined ? undefined : decimalText(picoDollars(model, price, usage), PICO_DIGITS)
}

/** A price in dollars a million tokens is a whole number of these a token. */
const PICO_DIGITS = 12
const PICO_PER_TOKEN = 1e6

function picoDollars(model: string, price: ModelPrice, { input_tokens: input, output_tokens: output, cache_read_tokens, cache_write_tokens }: Counted): bigint {
  const cached = Math.min(input, cache_read_tokens ?? 0)
  const written = Math.min(input - cached, cache_write_tokens ?? 0)
  const name = priceName(model)
  const isLong = input > LONG_INPUT && LONG_TARIFF.test(name) && !NO_LONG_TARIFF.has(name)
  const [inputFactor, outputFactor] = isLong ? [LONG_FACTORS.input, LONG_FACTORS.output] : [1, 1]
  const parts: readonly (readonly [tokens: number, price: number])[] = [
    [input - cached - written, price.input * inputFactor], [cached, price.cache_read * inputFactor],
    [written, (price.cache_write ?? price.input) * inputFactor], [output, price.output * outputFactor],
  ]
  return parts.reduce((sum, [tokens, each]) => sum + BigInt(Math.round(tokens)) * BigInt(Math.round(each * PICO_PER_TOKEN)), 0n)
}

/** Of a model without a price: what most of those with one weigh. */
const USUAL: ModelPrice = { input: 2, cache_read: 0.2, output: 10 }

/**
 * How much a call draws on a plan beside others, by what the metered API would take for it: plans don't say what they go by,
 * and no unit of theirs is meant.
 */
export function drawWeight(model: string, usage: Counted): number {
  return Number(picoDollars(model, priceOf(model) ?? USUAL, usage)) / 10 ** PICO_DIGITS
}
