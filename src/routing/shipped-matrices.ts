import { isRecord, shortHash } from '../lib/index.js'
import type { ParsedMatrix, SourcePosition } from './parse-matrix.js'

/**
 * The parsed form of one of the package's own matrices, compiled when the package was built; undefined for
 * every other text, also for an edited one. It spares a mount the YAML parser: 34 of 40 ms.
 */
export async function findShipped(text: string): Promise<ParsedMatrix | undefined> {
  const matrices = await readShipped()
  if (matrices.length === 0) return undefined
  const hash = shortHash(text)
  const found = matrices.find((matrix) => isRecord(matrix) && matrix['hash'] === hash)
  return isRecord(found) ? { data: found['data'], problems: [], locate: createLocate(found['places']) } : undefined
}

async function readShipped(): Promise<readonly unknown[]> {
  try {
    const { shipped } = await import('./generated/shipped-matrices.js')
    return Array.isArray(shipped) ? shipped : []
  } catch {
    return []
  }
}

function createLocate(places: unknown): ParsedMatrix['locate'] {
  const positions = new Map(
    (places as [path: string, line: number, column: number][]).map(([path, line, column]): [string, SourcePosition] => [path, { line, column }]),
  )
  return (path) => positions.get(JSON.stringify(path)) ?? { line: 1, column: 1 }
}
