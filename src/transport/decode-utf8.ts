import { isAscii } from 'node:buffer'

/** Without a state between two texts, so one serves all streams. */
const DECODER = new TextDecoder('utf-8', { ignoreBOM: true })

/**
 * Text of whole UTF-8 bytes. ASCII, which nearly all JSON on the wire is, goes the short way: for 1 KB
 * 0.11 µs against 0.60 µs with TextDecoder, which in turn is a third faster than Buffer on anything else.
 */
export function readText(bytes: Buffer): string {
  if (isAscii(bytes)) return bytes.toString('latin1')
  return DECODER.decode(bytes)
}

/** Where a character begins that the bytes don't finish; their length where none does. */
export function findIncompleteTail(bytes: Buffer): number {
  const { length } = bytes
  for (let back = 1; back <= 3 && back <= length; back++) {
    const byte = bytes[length - back] ?? 0
    if (byte < 0x80) return length
    if (byte < 0xc0) continue
    const needed = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2
    return needed > back ? length - back : length
  }
  return length
}
