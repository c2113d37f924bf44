import { readdir, readFile, stat } from 'node:fs/promises'
import { homedir } from 'node:os'
import { basename, extname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ConfigurationError } from '../contract/index.js'
import { matrixError } from './matrix-problems.js'
import type { RoutingMatrix } from './matrix.js'
import { parseMatrix } from './parse-matrix.js'
import { findShipped } from './shipped-matrices.js'
import { validateMatrix } from './validate-matrix.js'

export interface FindMatrixOptions {
  /** looked through first, in order */
  directories?: readonly string[]
  /** default: the user's home; its `.amplifier/routing` is looked through next */
  home?: string
  /** default: the package's own `routing/`; looked through last */
  packageDirectory?: string
}

export interface MatrixSource {
  file: string
  text: string
}

/** A matrix is some 100 lines; 1 MB of roles takes half a second to read. */
const MAX_BYTES = 4 * 1024 * 1024
const EXTENSIONS = ['.yaml', '.yml']

/**
 * Reads a matrix by name (`openai-chatgpt`) or by path (with a separator, or ending in .yaml or .yml).
 * @throws ConfigurationError naming file, line, column and key, or the places looked at and the names found there
 */
export async function loadMatrix(nameOrPath: string, options: FindMatrixOptions = {}): Promise<RoutingMatrix> {
  const { file, text } = await readMatrixSource(nameOrPath, options)
  const parsed = (await findShipped(text)) ?? (await parseMatrix(text))
  if (parsed.problems.length > 0) throw matrixError(parsed.problems, file)
  return validateMatrix(parsed.data, { file, locate: parsed.locate })
}

/** The file that {@link loadMatrix} would read, and its text. @throws ConfigurationError as it does */
export async function readMatrixSource(nameOrPath: string, options: FindMatrixOptions = {}): Promise<MatrixSource> {
  const file = await findMatrixFile(nameOrPath, options)
  const bytes = await readBytes(file)
  return { file, text: decodeText(bytes, file) }
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

function searchPath({ directories = [], home = homedir(), packageDirectory }: FindMatrixOptions): string[] {
  // Two folders up both from src/routing/ and from dist/routing/.
  const own = packageDirectory ?? fileURLToPath(new URL('../../routing/', import.meta.url))
  return [...new Set([...directories, join(home, '.amplifier', 'routing'), own].map((directory) => resolve(directory)))]
}

async function findMatrixFile(nameOrPath: string, options: FindMatrixOptions): Promise<string> {
  if (nameOrPath.trim() === '' || nameOrPath.includes('\0')) {
    throw new ConfigurationError('the routing matrix has no name', { code: 'matrix_not_found' })
  }
  if (/[/\\]/.test(nameOrPath) || isMatrixFile(nameOrPath)) return resolve(nameOrPath)
  for (const directory of searchPath(options)) {
    const entries = await entriesOf(directory)
    const entry = EXTENSIONS.map((extension) => nameOrPath + extension).find((name) => entries.includes(name))
    if (entry !== undefined) return join(directory, entry)
  }
  const names = [...new Set((await listMatrices(options)).map(({ name }) => name))]
  throw new ConfigurationError(
    `no routing matrix ${nameOrPath} (looked in ${searchPath(options).join(', ')}); ` +
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

async function readBytes(file: string): Promise<Uint8Array> {
  try {
    const found = await stat(file)
    if (!found.isFile()) throw Object.assign(new Error('not a file'), { code: 'EISDIR' })
    if (found.size <= MAX_BYTES) return await readFile(file)
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    throw new ConfigurationError(`cannot read the routing matrix ${file}: ${FILE_WORDS[code ?? ''] ?? String(code)}`, {
      code: 'matrix_unreadable', cause: error,
    })
  }
  throw new ConfigurationError(`${file}:1:1: a routing matrix has at most ${MAX_BYTES / 1024 / 1024} MB`, {
    code: 'matrix_too_large',
  })
}

const FILE_WORDS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EACCES: 'no permission to read it',
  EISDIR: 'it is no file',
}

/** UTF-8 with or without a byte order mark. */
function decodeText(bytes: Uint8Array, file: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (error) {
    const place = firstBadPlace(bytes)
    throw new ConfigurationError(`${file}:${place}: this is not UTF-8 text; save the file as UTF-8`, {
      code: 'matrix_encoding', cause: error,
    })
  }
}

/** Line and column of the first byte that is no UTF-8. */
function firstBadPlace(bytes: Uint8Array): string {
  const text = new TextDecoder('utf-8').decode(bytes)
  const before = text.slice(0, text.indexOf('\uFFFD'))
  return `${before.split('\n').length}:${before.length - before.lastIndexOf('\n')}`
}
