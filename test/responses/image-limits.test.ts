import { expect, test } from 'vitest'
import { MAX_IMAGE_BYTES, readImage } from '../../src/responses/image-limits.js'
import { PIXEL } from './build-support.js'

const base64 = (data: string, media_type = 'image/png') => ({ type: 'image', source: { type: 'base64', media_type, data } })
const url = (address: string) => ({ type: 'image', source: { type: 'url', url: address } })
const dataUrl = `data:image/png;base64,${PIXEL}`

test.each([
  ['base64 data', base64(PIXEL), dataUrl, 70],
  ['a media type in capitals', base64(PIXEL, 'IMAGE/PNG'), dataUrl, 70],
  ['base64 with line breaks', base64(`${PIXEL.slice(0, 40)}\r\n${PIXEL.slice(40)}`), dataUrl, 70],
  ['base64 without padding', base64(PIXEL.replace(/=+$/, '')), dataUrl, 70],
  ['base64 in the URL-safe alphabet', base64('-_-_'), 'data:image/png;base64,+/+/', 3],
  ['a data URL', url(dataUrl), dataUrl, 70],
  ['a link', url('https://a.test/b.png?c'), 'https://a.test/b.png?c', 0],
  ['a link in the older API’s shape', { type: 'image_url', image_url: { url: 'https://a.test/b.png' } }, 'https://a.test/b.png', 0],
  ['the shape of tool servers', { type: 'image', data: PIXEL, mimeType: 'image/png' }, dataUrl, 70],
])('%s is an image', (_title, block, image_url, bytes) => {
  expect(readImage(block)).toEqual({ part: { type: 'input_image', image_url, detail: 'auto' }, bytes })
})

test.each([
  ['low', 'low'], ['high', 'high'], ['original', 'original'], ['sharp', 'auto'],
])('a wanted detail of %s is sent as %s', (wanted, detail) => {
  expect(readImage({ ...url('https://a.test/b'), detail: wanted })).toMatchObject({ part: { detail } })
})

test.each([
  ['no source', { type: 'image' }, 'has neither base64 data nor a URL'],
  ['another media type', base64(PIXEL, 'text/html'), 'has media type "text/html", which is no image'],
  ['no media type', base64(PIXEL, ''), 'has media type "", which is no image'],
  ['a media type with more behind it', base64(PIXEL, 'image/png;x'), 'has media type "image/png;x", which is no image'],
  ['nothing', base64(''), 'is empty'],
  ['no base64', base64('$$$$'), 'has data that is not base64'],
  ['padding in the middle', base64('AA==AAAA'), 'has data that is not base64'],
  ['a length that base64 cannot have', base64('AAAAA'), 'has data that is not base64'],
  ['a data URL that is text', url('data:image/svg+xml,<svg/>'), 'has a data URL that is not base64'],
  ['a data URL without an image', url('data:text/plain;base64,AAAA'), 'has media type "text/plain", which is no image'],
  ['a file', url('file:///etc/passwd'), 'has a URL that is neither http, https nor data'],
  ['half a link', url('https://'), 'has a URL that is neither http, https nor data'],
])('an image of %s is refused in words', (_title, block, reason) => {
  expect(readImage(block)).toBe(reason)
})

test('an image is refused from one byte over the limit on', () => {
  const ofBytes = (bytes: number) => base64(Buffer.alloc(bytes).toString('base64'))
  expect(readImage(ofBytes(MAX_IMAGE_BYTES))).toMatchObject({ bytes: MAX_IMAGE_BYTES })
  expect(readImage(ofBytes(MAX_IMAGE_BYTES + 1))).toBe(`has ${MAX_IMAGE_BYTES + 1} bytes, more than the ${MAX_IMAGE_BYTES} that one image may have`)
})
