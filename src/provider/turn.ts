import type { BuiltRequest, Repeat } from '../responses/index.js'
import type { Call } from './call.js'
import type { CallSpan } from './call-span.js'
import type { Sink } from './sink.js'

/** One request of a call: the call's own, or one that continues an answer cut for length. */
export interface Turn {
  readonly call: Call
  readonly span: CallSpan
  readonly sink: Sink
  /** where the answer's blocks are numbered from */
  readonly firstIndex: number
  /** sent in place of the call's own request */
  readonly continuation?: BuiltRequest | undefined
  /** what was sent last */
  built: BuiltRequest | undefined
  /** how often each way of repeating was taken */
  readonly repeats: Partial<Record<Repeat, number>>
  /** how the request differs from the conversation's before, where it is no extension of it */
  difference: string | undefined
}
