import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { ConfigurationError } from '../contract/index.js'
import { setInYaml } from '../documents/index.js'

/**
 * Sets one value of the user's YAML settings file and leaves everything else, comments included, as it stands.
 * @throws ConfigurationError with file, line and column where the file is no YAML mapping
 */
export async function writeSetting(file: string, path: readonly string[], value: string): Promise<void> {
  const { default: writeFileAtomic } = await import('write-file-atomic')
  const answer = await setInYaml({ file, whose: 'user' }, path, value)
  if ('problem' in answer) throw new ConfigurationError(`${answer.problem}; nothing was changed`, { code: 'settings' })
  await mkdir(dirname(file), { recursive: true, mode: 0o700 })
  await writeFileAtomic(file, answer.text)
}
