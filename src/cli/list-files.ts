import { ConfigurationError } from '../contract/index.js'
import { findFiles, hasWildcards } from '../documents/find-files.js'

/**
 * The files that arguments name, globs among them expanded: a quoted one reaches us as it is, and shells of Windows expand
 * none. Everything else (a name, a folder, a path) stays as it was written.
 * @throws ConfigurationError for a glob that no file matches, or that has no bound
 */
export async function listFiles(words: readonly string[]): Promise<string[]> {
  const files: string[] = []
  for (const word of words) {
    if (!hasWildcards(word)) files.push(word)
    else {
      const found = await findFiles(word, { cwd: process.cwd() })
      if ('problem' in found) throw new ConfigurationError(found.problem, { code: 'usage' })
      if (found.files.length === 0) throw new ConfigurationError(`${word} matches no file`, { code: 'usage' })
      files.push(...found.files)
    }
  }
  return [...new Set(files)]
}
