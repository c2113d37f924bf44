import { homedir, userInfo } from 'node:os'
import { isAbsolute, parse } from 'node:path'

/**
 * The user's home folder: what the environment says, where that is an absolute path, else what the system knows of the account.
 * An empty or relative HOME would be the folder that one happens to be in, and a project's files there the user's own.
 */
export function findHomeFolder(env: Readonly<Record<string, string | undefined>> = process.env): string {
  const said = [env['HOME'], env['USERPROFILE']].find(isPlace)
  // homedir() answers an empty HOME as it is.
  return said ?? [homedir, () => userInfo().homedir].map(attempt).find(isPlace) ?? parse(process.cwd()).root
}

function isPlace(path: string | undefined): path is string {
  return path !== undefined && isAbsolute(path)
}

/** Accounts without an entry in the system make `userInfo` throw. */
function attempt(find: () => string): string | undefined {
  try {
    return find()
  } catch {
    return undefined
  }
}
