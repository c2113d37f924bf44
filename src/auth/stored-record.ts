import { isRecord, parseJson, readString } from '../lib/index.js'
import { hideSecrets } from './hide-secrets.js'
import { LANE_WORDS, type LaneName } from '../contract/index.js'
import type { LoadResult, StoredCredential, StoredRecord } from './token-store.js'

/** What may stand in a header: visible ASCII. */
const TOKEN = /^[\x21-\x7e]+$/

/** The lane's name, also under the original module's words for it; undefined for no lane of ours. */
export function parseLaneName(word: string): LaneName | undefined {
  return Object.hasOwn(LANE_WORDS, word) ? LANE_WORDS[word] : undefined
}

/** ms since 1970 of an ISO 8601 text (UTC where it names no zone) or of a number of seconds or milliseconds. */
export function parseTime(value: unknown): number | undefined {
  if (typeof value === 'number' && Number.isFinite(value) && value > 0) return value < 1e11 ? value * 1000 : value
  if (typeof value !== 'string' || value === '') return undefined
  const zoned = /([zZ]|[+-]\d\d:?\d\d)$/.test(value) ? value : `${value}Z`
  const ms = Date.parse(zoned.replace(' ', 'T'))
  return Number.isNaN(ms) ? undefined : ms
}

export function encodeRecord(record: StoredRecord): string {
  return `${JSON.stringify(record, null, 2)}\n`
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
    if (typeof token !== 'string' || !TOKEN.test(token)) return corrupt(place, signIn, `has a ${key} that is no token`)
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
