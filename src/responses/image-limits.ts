import type { JsonObject } from '../contract/index.js'
import { isRecord, readString } from '../lib/index.js'

/**
 * What one request may carry. The backend documents no limits of its own; these are below what the
 * public API documents and above what any screen or camera makes, so that what would be refused after a long
 * upload is refused at once and by name.
 */
export const MAX_IMAGE_BYTES = 20 * 1024 * 1024
export const MAX_REQUEST_IMAGE_BYTES = 50 * 1024 * 1024
export const MAX_REQUEST_IMAGES = 500

export interface WireImage {
  part: { type: 'input_image'; image_url: string; detail: string }
  /** decoded size; 0 for an image that is only linked */
  bytes: number
}

const DETAILS = new Set(['auto', 'low', 'high', 'original'])
const DATA_URL = /^data:([^;,]*)((?:;[^;,]*)*),/i
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/

/**
 * The wire's part for an image block: `source` of the contract, and the shapes other clients use
 * (`image_url`, `data` with `mimeType`). A string is what is wrong with it, to be put after the
 * message's name.
 */
export function readImage(block: JsonObject): WireImage | string {
  const source = isRecord(block['source']) ? block['source'] : block
  const wanted = readString(source, 'detail') ?? readString(block, 'detail') ?? ''
  const detail = DETAILS.has(wanted) ? wanted : 'auto'
  const data = readString(source, 'data')
  if (data !== undefined) {
    const mediaType = readString(source, 'media_type') ?? readString(source, 'mimeType') ?? ''
    return readBase64(mediaType, data, detail)
  }
  const url = readUrl(source)
  if (url === undefined) return 'has neither base64 data nor a URL'
  const header = DATA_URL.exec(url)
  if (header !== null) {
    if (!/;base64$/i.test(header[2] ?? '')) return 'has a data URL that is not base64'
    return readBase64(header[1] ?? '', url.slice(header[0].length), detail)
  }
  if (!/^https?:\/\//i.test(url) || !URL.canParse(url)) return 'has a URL that is neither http, https nor data'
  return { part: { type: 'input_image', image_url: url, detail }, bytes: 0 }
}

function readUrl(source: JsonObject): string | undefined {
  const nested = source['image_url']
  return readString(source, 'url') ?? (isRecord(nested) ? readString(nested, 'url') : readString(source, 'image_url'))
}

function readBase64(mediaType: string, data: string, detail: string): WireImage | string {
  const type = mediaType.trim().toLowerCase()
  if (!/^image\/[a-z0-9.+-]+$/.test(type)) return `has media type ${JSON.stringify(mediaType)}, which is no image`
  const payload = toStandardBase64(data)
  if (payload === undefined) return 'has data that is not base64'
  const bytes = (payload.length / 4) * 3 - (payload.endsWith('==') ? 2 : payload.endsWith('=') ? 1 : 0)
  if (bytes <= 0) return 'is empty'
  if (bytes > MAX_IMAGE_BYTES) {
    return `has ${bytes} bytes, more than the ${MAX_IMAGE_BYTES} that one image may have`
  }
  return { part: { type: 'input_image', image_url: `data:${type};base64,${payload}`, detail }, bytes }
}

/** Line breaks, the URL-safe alphabet and missing padding are forgiven; the wire gets the standard form. */
function toStandardBase64(data: string): string | undefined {
  let payload = /\s/.test(data) ? data.replace(/\s+/g, '') : data
  if (/[-_]/.test(payload)) payload = payload.replaceAll('-', '+').replaceAll('_', '/')
  const rest = payload.length % 4
  if (rest === 1) return undefined
  if (rest > 1 && !payload.endsWith('=')) payload += '='.repeat(4 - rest)
  return payload.length % 4 === 0 && BASE64.test(payload) ? payload : undefined
}
