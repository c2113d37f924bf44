import { Readable } from 'node:stream'

/** A body up to this goes out in one write; a larger one in pieces, each when the socket has taken the one before. */
export const PIECE_BYTES = 64 * 1024

const NOTHING = Buffer.alloc(0)

/** A large body in pieces. `onPiece`: the socket asks for the next; `onLast`: it has taken them all. */
export function createBodyPieces(whole: Buffer, { onPiece, onLast }: { onPiece: () => void; onLast: () => void }): Readable {
  let rest = whole
  const pieces = new Readable({
    highWaterMark: PIECE_BYTES,
    read() {
      onPiece()
      if (rest.length === 0) return void this.push(null)
      const piece = rest.subarray(0, PIECE_BYTES)
      rest = rest.length > PIECE_BYTES ? rest.subarray(PIECE_BYTES) : NOTHING
      this.push(piece)
    },
  })
  return pieces.once('end', onLast).on('error', () => undefined)
}

/** One piece is not copied. */
export function joinPieces(pieces: readonly Buffer[]): Buffer {
  const [first] = pieces
  return pieces.length === 1 && first ? first : Buffer.concat(pieces)
}
