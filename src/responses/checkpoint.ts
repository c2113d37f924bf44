/**
 * A checkpoint: what the backend made of a history, sealed, as an empty assistant message whose metadata holds the
 * backend's item untouched and where it came from. It may go back only there; the host decides what history stays beside it.
 */
import type { JsonObject, Message, ReasoningProvenance } from '../contract/index.js'
import { isRecord, readString } from '../lib/index.js'
import { isSameOrigin } from './reasoning-item.js'

/** The original module's key. */
export const CHECKPOINT_KEY = 'openai-chatgpt:compaction'
const VERSION = 1

/** @param item of type `compaction`, as the backend sent it */
export function writeCheckpoint(item: JsonObject, provenance: ReasoningProvenance): Message {
  return { role: 'assistant', content: '', metadata: { [CHECKPOINT_KEY]: { version: VERSION, provenance: { ...provenance }, item } } }
}

/** The item of a checkpoint that may go to `provenance`, why it may not, or undefined for a message that is none. */
export function readCheckpoint({ role, content, metadata }: Message, provenance: ReasoningProvenance): { item: JsonObject } | { problem: string; code: string } | undefined {
  const envelope: unknown = metadata?.[CHECKPOINT_KEY]
  if (envelope === undefined || envelope === null) return undefined
  if (!isRecord(envelope) || envelope['version'] !== VERSION) return { problem: `its checkpoint is not of version ${VERSION}`, code: 'checkpoint_version' }
  const { item, provenance: origin } = envelope
  if (role !== 'assistant' || content.length > 0) return { problem: 'a checkpoint is an assistant message without content', code: 'invalid_checkpoint' }
  if (!isRecord(item) || item['type'] !== 'compaction' || !readString(item, 'encrypted_content')) return { problem: 'its checkpoint holds no compaction', code: 'invalid_checkpoint' }
  if (isSameOrigin(origin, provenance)) return { item }
  const { lane, model_family: family } = provenance
  return {
    problem: `its checkpoint was made for another account, lane or model family than this call's (lane ${lane}, ${family}), where nobody can read it: send the messages that it stands for`,
    code: 'checkpoint_elsewhere',
  }
}
