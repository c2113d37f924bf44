import { isRecord, parseJson, readString } from '../lib/index.js'
import { hideSecrets } from './hide-secrets.js'
import { LANE_WORDS, type LaneName } from '../contract/index.js'
import { TokenStoreError, type LoadResult, type StoredCredential, type StoredRecord } from './token-store.js'

/** What may stand in a header, visible ASCII, and is not longer than any server takes there. */
const TOKEN = /^[\x21-\x7e]{1,65536}$/
/** What is longer is no credential: real ones are 4 to 8 KB. */
export const MAX_RECORD_BYTES = 1024 * 1024

/** The lane's name, also under the original module's words for it; undefined for no lane of ours. */
export function parseLaneName(word: string): LaneName | undefined {
  return Object.hasOwn(LANE_WORDS, word) ? LANE_WORDS[word] : undefined
}

/** The token a text is, without the white space around it; undefined for what no header takes. Loading and saving both ask here. */
export function readToken(value: unknown): string | undefined {
  const token = typeof value === 'string' ? value.trim() : ''
  return TOKEN.test(token) ? token : undefined
}

/** Whether an access token is of this lane, by what it shows itself. */
export function isTokenOf(lane: LaneName, token: string): boolean {
  return (kindOf({ access_token: token, lane }) ?? lane) === lane
}

/** @throws TokenStoreError, code `refused`, for a record so long that {@link decodeRecord}'s callers would not read it back */
export function encodeRecord(record: StoredRecord): string {
  const text = `${JSON.stringify(record, null, 2)}\n`
  if (text.length <= MAX_RECORD_BYTES / 3 || Buffer.byteLength(text) <= MAX_RECORD_BYTES) return text
  throw new TokenStoreError(`the sign-in is longer than ${MAX_RECORD_BYTES} bytes with what other programs have added to it. Remove their keys from the stored file`, 'refused')
}

/** @param from place, lane and next command, for the messages */
export function decodeRecord(text: string, from: { place: string; lane?: LaneName; signIn: string }): LoadResult {
  const { place, lane, signIn } = from
  const body = text.startsWith('\uFEFF') ? text.slice(1) : text
  if (body.trim() === '') return { state: 'empty', message: `${place} is empty: nobody is signed in. Run ${signIn}` }
  const value = parseJson(body)
  if (!isRecord(value)) return corrupt(place, signIn, 'is no JSON object; it may have been cut off')
  const wrong = lane === undefined ? undefined : findWrongLane(value, { place, lane, signIn })
  if (wrong) return wrong
  for (const key of ['access_token', 'refresh_token', 'id_token']) {
    const token = value[key]
    if (token === undefined || token === null || token === '') continue
    if (typeof token !== 'string' || readToken(token) !== token) return corrupt(place, signIn, `has a ${key} that is no token`)
  }
  const record = hideSecrets(value as StoredRecord)
  if (isSignedIn(record)) return { state: 'present', record }
  if (isRecord(value['tokens'])) {
    return { state: 'corrupt', message: `${place} looks like the Codex command line's auth.json, not like this module's token file. ` +
      'Run amplifier-chatgpt import --codex, and give token_file_path another file' }
  }
  return { state: 'empty', message: `${place} holds no access token: nobody is signed in. Run ${signIn}`, record }
}

/** A record of another lane than this one, whatever store it comes from; undefined for one of this lane's own. */
export function findWrongLane(
  record: StoredRecord, { place, lane, signIn }: { place: string; lane: LaneName; signIn: string },
): Exclude<LoadResult, { state: 'present' }> | undefined {
  const found = kindOf(record) ?? laneOf(record)
  if (found === undefined || found === lane) return undefined
  const message = `${place} holds a sign-in of lane ${found}, and this is lane ${lane}; lanes never mix. ` +
    `Run ${signIn}, or choose the lane or the token_file_path that belong together`
  return { state: 'wrong_lane', message }
}

function corrupt(place: string, signIn: string, what: string): LoadResult {
  return { state: 'corrupt', message: `${place} ${what}. Run ${signIn}; what is there now will be kept aside under another name` }
}

function isSignedIn(record: StoredRecord): record is StoredCredential {
  return typeof record.access_token === 'string' && record.access_token !== ''
}

/**
 * What the token itself shows, whatever the record calls it: an API key begins with `sk-`, an OAuth access token is a
 * JWT. A JWT in a record that says api_key, or nothing, is a ChatGPT sign-in.
 */
function kindOf(value: Record<string, unknown>): LaneName | undefined {
  const token = readString(value, 'access_token') ?? ''
  if (token.startsWith('sk-')) return 'api_key'
  const named = laneOf(value)
  return /^eyJ[\w-]*\.[\w-]+\.[\w-]*$/.test(token) && (named === undefined || named === 'api_key') ? 'codex' : undefined
}

function laneOf(value: Record<string, unknown>): LaneName | undefined {
  return parseLaneName(readString(value, 'lane') ?? '') ?? parseLaneName(readString(value, 'auth_mode') ?? '')
}
