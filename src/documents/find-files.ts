import type { Dirent } from 'node:fs'
import { lstat, opendir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { Minimatch } from 'minimatch'
import { MOST_ENTRIES, spend, UNBOUNDED, type Budget } from './budget.js'

const LONGEST_PATTERN = 1_000
/** `**` in one pattern; each multiplies the ways in which a path can match. */
const MOST_DEEP_STARS = 2
const MOST_BRACES = 100
const MOST_FILES = 1_000
const DEEPEST = 32

/** How a path of an argument or a file is split: Windows takes both slashes. */
const SEPARATOR = process.platform === 'win32' ? /[/\\]/ : /\//

/** Whether a path may be a pattern: a file of just this name may exist all the same. */
export function hasWildcards(path: string): boolean {
  return /[*?[\]{}]|[!+@]\(/.test(path)
}

/**
 * The files, or folders, that a path or glob names, absolute and in the order of their names. A path without wildcards, and one
 * that is a file's very name, is answered as it is, whether or not it exists. Names that begin with a dot match only a
 * pattern that says so; links to folders are not entered. The same on every system, whatever a shell has expanded before.
 *
 * @returns no files where nothing matches; a problem where the pattern or the walk would be without bound
 */
export async function findFiles(
  pattern: string, options: { cwd: string; kind?: 'file' | 'folder'; budget?: Budget },
): Promise<{ files: readonly string[] } | { problem: string }> {
  const { cwd, kind = 'file', budget = UNBOUNDED } = options
  const literal = resolve(cwd, pattern)
  if (!hasWildcards(pattern) || (await exists(literal))) return { files: [literal] }
  if (pattern.length > LONGEST_PATTERN) return { problem: `a pattern has at most ${LONGEST_PATTERN} characters` }
  if (pattern.split('**').length - 1 > MOST_DEEP_STARS) return { problem: `${pattern} has more than ${MOST_DEEP_STARS} times **` }
  const parts = pattern.split(SEPARATOR)
  const fixed = parts.findIndex(hasWildcards)
  const { Minimatch: Matcher } = await import('minimatch')
  // No negation, no comment: a file's name may begin with ! or #.
  const matcher = new Matcher(parts.slice(fixed).join('/'), { nonegate: true, nocomment: true, braceExpandMax: MOST_BRACES })
  // An absolute pattern begins with an empty part.
  const base = resolve(cwd, fixed === 0 ? '.' : parts.slice(0, fixed).join('/') || '/')
  const walk: Walk = { matcher, kind, found: [], left: Math.min(MOST_ENTRIES, budget.entries) }
  const before = walk.left
  const problem = await visit(walk, base, [])
  spend(budget, 'entries', before - walk.left)
  return problem === undefined ? { files: walk.found.sort() } : { problem: `${pattern} ${problem}` }
}

interface Walk {
  matcher: Minimatch
  kind: 'file' | 'folder'
  found: string[]
  /** entries of folders that may still be looked at */
  left: number
}

/** Walks one folder and those below it that the pattern can lead into; answers why it stopped, where it did. */
async function visit(walk: Walk, folder: string, path: readonly string[]): Promise<string | undefined> {
  if (path.length > DEEPEST) return `leads deeper than ${DEEPEST} folders`
  for (const entry of await listEntries(folder, walk.left)) {
    if (--walk.left <= 0) return `leads through more than ${MOST_ENTRIES} files and folders`
    const inner = [...path, entry.name]
    const name = inner.join('/')
    const isFolder = entry.isDirectory()
    if (isFolder === (walk.kind === 'folder') && walk.matcher.match(name)) {
      if (walk.found.push(join(folder, entry.name)) > MOST_FILES) return `names more than ${MOST_FILES} files`
    }
    if (!isFolder || !walk.matcher.match(name, true)) continue
    const problem = await visit(walk, join(folder, entry.name), inner)
    if (problem !== undefined) return problem
  }
  return undefined
}

/** Up to `most` entries, read piece by piece: a folder may hold millions. None where it cannot be read. */
async function listEntries(folder: string, most: number): Promise<Dirent[]> {
  const entries: Dirent[] = []
  try {
    for await (const entry of await opendir(folder)) if (entries.push(entry) >= most) break
  } catch {
    return entries
  }
  return entries
}

async function exists(path: string): Promise<boolean> {
  return lstat(path).then(() => true, () => false)
}
