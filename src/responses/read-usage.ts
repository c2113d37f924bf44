import type { Usage } from '../contract/index.js'
import { isRecord, readNumber } from '../lib/index.js'

type Fields = Record<string, unknown>

const DECODED = new Set([
  'input_tokens', 'prompt_tokens', 'input_tokens_details', 'prompt_tokens_details',
  'output_tokens', 'completion_tokens', 'output_tokens_details', 'completion_tokens_details', 'total_tokens',
])

/**
 * The wire's usage in the contract's words: `input_tokens` gross, cached ones included; the total is
 * added up where the wire leaves it out. The older `prompt_tokens`/`completion_tokens` count too.
 * Fields of the wire that the contract has no word for stay as they are.
 */
export function readUsage(value: unknown): Usage | undefined {
  if (!isRecord(value)) return undefined
  const input = readCount(value, 'input_tokens', 'prompt_tokens')
  const output = readCount(value, 'output_tokens', 'completion_tokens')
  const total = readCount(value, 'total_tokens')
  if (input === undefined && output === undefined && total === undefined) return undefined
  const inputDetails = readDetails(value, 'input_tokens_details', 'prompt_tokens_details')
  const outputDetails = readDetails(value, 'output_tokens_details', 'completion_tokens_details')
  return {
    ...Object.fromEntries(Object.entries(value).filter(([name]) => !DECODED.has(name))),
    input_tokens: input ?? Math.max(0, (total ?? 0) - (output ?? 0)),
    output_tokens: output ?? Math.max(0, (total ?? 0) - (input ?? total ?? 0)),
    total_tokens: total ?? (input ?? 0) + (output ?? 0),
    cache_read_tokens: readCount(inputDetails, 'cached_tokens'),
    cache_write_tokens: readCount(inputDetails, 'cache_write_tokens'),
    reasoning_tokens: readCount(outputDetails, 'reasoning_tokens'),
  }
}

function readCount(record: Fields, ...names: string[]): number | undefined {
  for (const name of names) {
    const count = readNumber(record, name)
    if (count !== undefined && count >= 0) return count
  }
  return undefined
}

function readDetails(record: Fields, ...names: string[]): Fields {
  for (const name of names) if (isRecord(record[name])) return record[name]
  return {}
}
