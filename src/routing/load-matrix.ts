import { readdir } from 'node:fs/promises'
import { homedir } from 'node:os'
import { basename, extname, join, resolve } from 'node:path'
import { ConfigurationError } from '../contract/index.js'
import { readDocumentText, type Whose } from '../documents/index.js'
import { SHIPPED_DIRECTORY } from './matrix-source.js'
import type { RoutingMatrix } from './matrix.js'
import { readMatrix, type MatrixSource } from './read-matrix.js'

export interface FindMatrixOptions {
  /** looked through first, in order */
  directories?: readonly string[]
  /** default: the user's home; its `.amplifier/routing` is looked through next */
  home?: string
  /** default: the package's own `routing/`; looked through last */
  packageDirectory?: string
}

const EXTENSIONS = ['.yaml', '.yml']

/**
 * Reads a matrix by name (`openai-chatgpt`) or by path (with a separator, or ending in .yaml or .yml).
 * @throws ConfigurationError naming file, line, column and key, or the places looked at and the names found there
 */
export async function loadMatrix(nameOrPath: string, options: FindMatrixOptions = {}): Promise<RoutingMatrix> {
  return readMatrix(await readMatrixSource(nameOrPath, options))
}

/** The file that {@link loadMatrix} would read, and its text. @throws ConfigurationError as it does */
export async function readMatrixSource(nameOrPath: string, options: FindMatrixOptions = {}): Promise<MatrixSource> {
  const { file, whose } = await findMatrixFile(nameOrPath, options)
  const answer = await readDocumentText(file)
  if ('text' in answer) return { file, text: answer.text, whose }
  const { problem, reason, line, column } = answer
  const message = reason === 'encoding' || reason === 'too_large'
    ? `${file}:${line}:${column}: the routing matrix ${problem}`
    : `cannot read the routing matrix ${file}: it ${problem}`
  throw new ConfigurationError(message, { code: `matrix_${reason === 'absent' ? 'unreadable' : reason}` })
}

/** Every matrix in reach, the one that a name means first; of two with one name the later is shadowed. */
export async function listMatrices(
  options: FindMatrixOptions = {},
): Promise<{ name: string; file: string; shadowed: boolean }[]> {
  const found: { name: string; file: string; shadowed: boolean }[] = []
  for (const directory of searchPath(options)) {
    for (const entry of (await entriesOf(directory)).filter(isMatrixFile).sort()) {
      const name = basename(entry, extname(entry))
      found.push({ name, file: join(directory, entry), shadowed: found.some((other) => other.name === name) })
    }
  }
  return found
}

/** Where a name is looked for, in order; the package's own folder is the last. */
export function searchPath({ directories = [], home = homedir(), packageDirectory }: FindMatrixOptions): string[] {
  const places = [...directories, join(home, '.amplifier', 'routing'), packageDirectory ?? SHIPPED_DIRECTORY]
  return [...new Set(places.map((directory) => resolve(directory)))]
}

async function findMatrixFile(nameOrPath: string, options: FindMatrixOptions): Promise<{ file: string; whose: Whose }> {
  if (nameOrPath.trim() === '' || nameOrPath.includes('\0')) {
    throw new ConfigurationError('the routing matrix has no name', { code: 'matrix_not_found' })
  }
  if (/[/\\]/.test(nameOrPath) || isMatrixFile(nameOrPath)) return { file: resolve(nameOrPath), whose: 'user' }
  const directories = searchPath(options)
  for (const [place, directory] of directories.entries()) {
    const entries = await entriesOf(directory)
    const entry = EXTENSIONS.map((extension) => nameOrPath + extension).find((name) => entries.includes(name))
    // The last folder is the package's own.
    if (entry !== undefined) return { file: join(directory, entry), whose: place === directories.length - 1 ? 'host' : 'user' }
  }
  const names = [...new Set((await listMatrices(options)).map(({ name }) => name))]
  throw new ConfigurationError(
    `no routing matrix ${nameOrPath} (looked in ${directories.join(', ')}); ` +
      `there is ${names.length === 0 ? 'none' : names.join(', ')}`,
    { code: 'matrix_not_found' },
  )
}

function isMatrixFile(name: string): boolean {
  return EXTENSIONS.includes(extname(name).toLowerCase())
}

async function entriesOf(directory: string): Promise<string[]> {
  try {
    return await readdir(directory)
  } catch {
    return [] // a folder that isn't there has no matrices
  }
}
