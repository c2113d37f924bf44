import * as zlib from 'node:zlib'

type Compress = (bytes: Uint8Array, done: (error: Error | null, result: Buffer) => void) => void

/**
 * The bytes as one zstd frame (level 3, the format's default), or undefined where this Node has no zstd: it came with
 * 22.15 and 23.8.
 */
export async function compressZstd(bytes: Uint8Array): Promise<Buffer | undefined> {
  const compress = readCompress()
  if (!compress) return undefined
  return new Promise((resolve, reject) => {
    compress(bytes, (error, result) => (error ? reject(error) : resolve(result)))
  })
}

function readCompress(): Compress | undefined {
  const compress: unknown = Reflect.get(zlib, 'zstdCompress')
  return typeof compress === 'function' ? (compress as Compress) : undefined
}
