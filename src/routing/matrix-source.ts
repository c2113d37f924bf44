import { access } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ConfigurationError } from '../contract/index.js'
import { realPath } from '../documents/index.js'

/** Whose a matrix file is: the user's, or shipped with the bundle or package. */
export type MatrixOwner = 'user' | 'bundle'

/** Which file a matrix name means, and what it puts out of force. */
export interface MatrixFile {
  /** absent where no place has the matrix */
  path?: string
  source?: MatrixOwner
  /** files of the same matrix that exist and do not count, in the order of the search */
  shadowed: readonly (readonly [path: string, source: MatrixOwner])[]
  /** every place that was looked at, in order */
  searched: readonly string[]
}

/** The package's own matrices: two folders up both from src/routing/ and from dist/routing/. */
export const SHIPPED_DIRECTORY = fileURLToPath(new URL('../../routing/', import.meta.url))

const MATRIX_ID = /^[a-z][a-z0-9_-]*$/
/** Older names of a matrix, looked for after all places of its own name. */
const OLDER_NAMES: Readonly<Partial<Record<string, string>>> = { 'github-copilot': 'copilot' }

/**
 * The first existing `<name>.yaml` of the directories in order, the shipped one last. A file that is reached twice counts
 * once, and a user's directory that is the shipped one counts as shipped.
 * @throws ConfigurationError for a name that is no matrix id
 */
export async function resolveMatrixSource(name: string, directories: readonly string[], shipped: string): Promise<MatrixFile> {
  if (!MATRIX_ID.test(name)) throw new ConfigurationError('Invalid matrix ID', { code: 'matrix_id' })
  const own = await realPath(shipped)
  const seen = new Set<string>()
  const searched: string[] = []
  const present: (readonly [path: string, source: MatrixOwner])[] = []
  const older = OLDER_NAMES[name]
  for (const stem of older === undefined ? [name] : [name, older]) {
    for (const directory of [...directories, shipped]) {
      const path = join(directory, `${stem}.yaml`)
      const real = await realPath(path)
      if (seen.has(real)) continue
      seen.add(real)
      searched.push(path)
      if (await exists(path)) present.push([path, (await realPath(directory)) === own ? 'bundle' : 'user'])
    }
  }
  const [winner, ...shadowed] = present
  return winner === undefined ? { shadowed, searched } : { path: winner[0], source: winner[1], shadowed, searched }
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path)
    return true
  } catch {
    return false
  }
}
