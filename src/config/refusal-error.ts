import { ConfigurationError } from '../contract/index.js'
import { describeRefusal, type Refusal } from './standing.js'

/** The error for what was refused: the first of it, and how much more there is. */
export function buildRefusalError(refusals: readonly Refusal[]): ConfigurationError {
  const [first] = refusals
  const more = refusals.length > 1 ? ` (and ${refusals.length - 1} more)` : ''
  return new ConfigurationError((first ? describeRefusal(first) : 'refused') + more, { code: 'untrusted_option' })
}
