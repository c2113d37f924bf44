import { realpath } from 'node:fs/promises'
import { isAbsolute, join, relative, resolve, sep } from 'node:path'

/** The path with links followed as far as it exists; what doesn't exist is taken as it is written. */
export async function realPath(path: string): Promise<string> {
  try {
    return await realpath(path)
  } catch {
    const whole = resolve(path)
    const parent = resolve(whole, '..')
    return parent === whole ? whole : join(await realPath(parent), whole.slice(parent.length))
  }
}

/** Whether a file lies in a folder, links followed on both sides; a link out of the folder leads out of it. */
export async function liesInside(file: string, folder: string): Promise<boolean> {
  const path = relative(await realPath(folder), await realPath(file))
  return path !== '..' && !path.startsWith(`..${sep}`) && !isAbsolute(path)
}
