import { dirname, extname, isAbsolute } from 'node:path'
import { DOCUMENT_ENDINGS, findFiles, hasWildcards, liesInside, realPath, type Budget } from '../documents/index.js'

/** A scheme has two letters or more: one letter is a Windows drive. `user@host:path` is remote too. */
const REMOTE = /^([a-z][a-z0-9+.-]+:|[^/\\]+@[^/\\]+:)/i

/** A file that includes others, and the bundle's folder, which they stay inside of. */
export interface IncludeContext {
  from: string
  root: string
  /** what globs may cost together */
  budget: Budget
}

/** The files of an include, or why none of them is read. */
export type Included = { files: readonly string[] } | { problem: string }

/**
 * The files that an include names: one, or those that a glob such as `parts/*.md` matches. Only relative paths to
 * configuration files inside the bundle's folder, links followed: what a bundle includes may end up in a prompt, so that it
 * may not name just any file of this machine.
 */
export async function resolveInclude(reference: string, { from, root, budget }: IncludeContext): Promise<Included> {
  const path = reference.trim()
  if (REMOTE.test(path)) {
    return { problem: `${path} is remote or belongs to another bundle; nothing is fetched: copy it beside this file and include it by a relative path` }
  }
  if (isAbsolute(path) || path.startsWith('~') || /^[A-Za-z]:/.test(path)) {
    return { problem: `${path} is not relative; an include is a path relative to the file it stands in` }
  }
  if (!DOCUMENT_ENDINGS.includes(extname(path).toLowerCase())) return { problem: `${path} is none of ${DOCUMENT_ENDINGS.join(', ')}` }
  const found = await findFiles(path, { cwd: dirname(from), budget })
  if ('problem' in found) return found
  if (found.files.length === 0) return { problem: `${path} matches no file` }
  for (const file of found.files) {
    if (!(await liesInside(file, root))) {
      const name = hasWildcards(path) ? `${path} matches ${file}, which` : path
      return { problem: `${name} leads to ${await realPath(file)}, outside of the bundle's folder ${root}; copy it there` }
    }
  }
  return found
}

/** An agent's file: a path as above, or a bare name for `agents/NAME.md` beside the bundle, also as `BUNDLE:NAME`. */
export async function resolveAgentInclude(reference: string, context: IncludeContext & { bundleName: string }): Promise<Included> {
  const { bundleName } = context
  const own = reference.trim().startsWith(`${bundleName}:`) ? reference.trim().slice(bundleName.length + 1) : reference.trim()
  if (REMOTE.test(own) || extname(own) !== '') return resolveInclude(own, context)
  return resolveInclude(/[\\/]/.test(own) ? `${own}.md` : `agents/${own}.md`, context)
}
