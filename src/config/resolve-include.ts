import { dirname, extname, isAbsolute, resolve } from 'node:path'

const ENDINGS = ['.md', '.markdown', '.yaml', '.yml', '.toml']
/** A scheme has two letters or more: one letter is a Windows drive. `user@host:path` is remote too. */
const REMOTE = /^([a-z][a-z0-9+.-]+:|[^/\\]+@[^/\\]+:)/i

/**
 * The file that an include names. Only relative paths to configuration files: what a bundle includes may end
 * up in a prompt, so it may not name just any file by its place on this machine.
 */
export function resolveInclude(reference: string, from: string): { file: string } | { problem: string } {
  const path = reference.trim()
  if (REMOTE.test(path)) {
    return { problem: `${path} is remote or belongs to another bundle; nothing is fetched: copy it beside this file and include it by a relative path` }
  }
  if (isAbsolute(path) || path.startsWith('~') || /^[A-Za-z]:/.test(path)) {
    return { problem: `${path} is not relative; an include is a path relative to the file it stands in` }
  }
  if (!ENDINGS.includes(extname(path).toLowerCase())) return { problem: `${path} is none of ${ENDINGS.join(', ')}` }
  return { file: resolve(dirname(from), path) }
}

/** An agent's file: a path as above, or a bare name for `agents/NAME.md` beside the bundle, also as `BUNDLE:NAME`. */
export function resolveAgentInclude(reference: string, from: string, bundleName: string): ReturnType<typeof resolveInclude> {
  const own = reference.trim().startsWith(`${bundleName}:`) ? reference.trim().slice(bundleName.length + 1) : reference.trim()
  if (REMOTE.test(own)) return resolveInclude(own, from)
  if (extname(own) !== '') return resolveInclude(own, from)
  return resolveInclude(/[\\/]/.test(own) ? `${own}.md` : `agents/${own}.md`, from)
}
