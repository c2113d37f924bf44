import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ConfigurationError } from '../contract/index.js'
import { readMatrixSource, type FindMatrixOptions } from '../routing/index.js'

/**
 * Puts a copy of a matrix where the Amplifier application looks for the user's own, so that its `routing list` shows it
 * and its routing hook finds it. A file of that name that says something else stays.
 * @param folder `~/.amplifier`
 * @returns the copy's place
 * @throws ConfigurationError `matrix_exists`
 */
export async function shareMatrix(name: string, folder: string, options: FindMatrixOptions): Promise<string> {
  if (!/^[\w-]+$/.test(name)) throw new ConfigurationError(`--amplifier takes a matrix by its name, found ${JSON.stringify(name)}`, { code: 'usage' })
  const { file, text } = await readMatrixSource(name, options)
  const target = join(folder, 'routing', `${name}.yaml`)
  if (file === target) return target
  const there = await readFile(target, 'utf8').catch(() => undefined)
  if (there !== undefined && there !== text) {
    throw new ConfigurationError(`${target} is there already and differs from ${file}. Remove it to take this one; nothing was changed`, { code: 'matrix_exists' })
  }
  await mkdir(join(folder, 'routing'), { recursive: true, mode: 0o700 })
  if (there === undefined) await writeFile(target, text)
  return target
}
