import { isLLMError } from '../contract/index.js'
import { defined } from '../lib/index.js'
import { loadMatrix, searchPath, type FindMatrixOptions } from './load-matrix.js'
import { resolveMatrixSource, type MatrixFile } from './matrix-source.js'
import { originOf } from './origin.js'
import type { FoundMatrix } from './routing-hook.js'

/**
 * A matrix by name or path, looked for in the user's own folder too, with the files of its name that it puts out of force.
 * @throws ConfigurationError as `loadMatrix` does
 */
export async function findNamedMatrix(nameOrPath: string, options: FindMatrixOptions = {}): Promise<FoundMatrix> {
  const matrix = await loadMatrix(nameOrPath, options)
  const path = originOf(matrix)?.file
  const found = await findSource(nameOrPath, options)
  const isNamed = found?.path !== undefined && found.path === path
  return { matrix, origin: isNamed ? found : { ...defined({ path }), source: 'user', shadowed: [], searched: [] } }
}

/** Undefined for a path, and for a name that no matrix of the reference's could have. */
async function findSource(name: string, options: FindMatrixOptions): Promise<MatrixFile | undefined> {
  const places = await searchPath(options)
  try {
    return await resolveMatrixSource(name, places.slice(0, -1), places.at(-1) ?? '')
  } catch (error) {
    if (isLLMError(error) && error.code === 'matrix_id') return undefined
    throw error
  }
}
