import { readdir } from 'node:fs/promises'
import { basename, extname, join, resolve } from 'node:path'
import { ConfigurationError } from '../contract/index.js'
import { findFiles, readDocumentText, shorten, type Whose } from '../documents/index.js'
import { SHIPPED_DIRECTORY } from './matrix-source.js'
import type { RoutingMatrix } from './matrix.js'
import { readMatrix, type MatrixSource } from './read-matrix.js'
import { findHomeFolder } from '../lib/index.js'

export interface FindMatrixOptions {
  /** looked through first, in order; globs are expanded */
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
  for (const directory of await searchPath(options)) {
    for (const entry of (await entriesOf(directory)).filter(isMatrixFile).sort()) {
      const name = basename(entry, extname(entry))
      found.push({ name, file: join(directory, entry), shadowed: found.some((other) => other.name === name) })
    }
  }
  return found
}

/** Where a name is looked for, in order, each folder once and those that a glob names in its place; the package's own folder is the last. */
export async function searchPath({ directories = [], home = findHomeFolder(), packageDirectory }: FindMatrixOptions): Promise<string[]> {
  const own = resolve(packageDirectory ?? SHIPPED_DIRECTORY)
  return [...new Set([...(await expandDirectories(directories)), resolve(home, '.amplifier', 'routing'), own])]
}

/** The folders that a list of folders and globs names, in its order. @throws ConfigurationError for a glob without bound */
export async function expandDirectories(directories: readonly string[]): Promise<string[]> {
  const named = await Promise.all(directories.map(async (directory) => {
    const found = await findFiles(directory, { cwd: process.cwd(), kind: 'folder' })
    if ('problem' in found) throw new ConfigurationError(`folders of routing matrices: ${found.problem}`, { code: 'matrix_not_found' })
    return found.files
  }))
  return named.flat()
}

async function findMatrixFile(nameOrPath: string, options: FindMatrixOptions): Promise<{ file: string; whose: Whose }> {
  if (nameOrPath.trim() === '' || nameOrPath.includes('\0')) {
    throw new ConfigurationError('the routing matrix has no name', { code: 'matrix_not_found' })
  }
  if (/[/\\]/.test(nameOrPath) || isMatrixFile(nameOrPath)) return { file: resolve(nameOrPath), whose: 'user' }
  const directories = await searchPath(options)
  for (const directory of directories) {
    const entries = await entriesOf(directory)
    const entry = EXTENSIONS.map((extension) => nameOrPath + extension).find((name) => entries.includes(name))
    if (entry !== undefined) return { file: join(directory, entry), whose: directory === resolve(options.packageDirectory ?? SHIPPED_DIRECTORY) ? 'host' : 'user' }
  }
  const names = [...new Set((await listMatrices(options)).map(({ name }) => name))]
  throw new ConfigurationError(
    `no routing matrix ${shorten(nameOrPath)} (looked in ${directories.join(', ')}); ` +
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
