import { InvalidRequestError } from '../contract/index.js'
import type { MappedMessage } from './message-items.js'

/**
 * A history from its newest compaction on: what stands before it is in it, and would only fill the window again. One that
 * this call's backend can't read is left out, the readable messages before it go in its place.
 * @throws InvalidRequestError where there are none, since the answer would be given without the history
 */
export function leaveOutCompacted(mapped: readonly MappedMessage[], model: string): readonly MappedMessage[] {
  const from = mapped.findLastIndex(({ compacted }) => compacted === 'here')
  const lost = mapped.findLastIndex(({ compacted }) => compacted === 'elsewhere')
  if (lost > from && !mapped.slice(Math.max(from, 0), lost).some(({ entries }) => entries.length > 0)) {
    throw new InvalidRequestError(
      `messages[${lost}]: its compaction was made for another account, lane or model family, and the messages that it stands for are not there: send them too`,
      { code: 'checkpoint_elsewhere', model },
    )
  }
  return from <= 0 ? mapped : mapped.slice(from)
}
