import { mkdir, readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { ConfigurationError } from '../contract/index.js'

/**
 * Sets one value of a YAML settings file and leaves everything else, comments included, as it stands.
 * @throws ConfigurationError where the file is no YAML mapping
 */
export async function writeSetting(file: string, path: readonly string[], value: string): Promise<void> {
  const [{ parseDocument }, { default: writeFileAtomic }] = await Promise.all([import('yaml'), import('write-file-atomic')])
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return ''
    throw new ConfigurationError(`${file} cannot be read (${error.code ?? 'unknown error'})`, { code: 'settings' })
  })
  const document = parseDocument(text)
  const [problem] = document.errors
  if (problem) throw new ConfigurationError(`${file}: ${problem.message.split('\n')[0] ?? 'is no YAML'}; nothing was changed`, { code: 'settings' })
  document.setIn(path, value)
  await mkdir(dirname(file), { recursive: true, mode: 0o700 })
  await writeFileAtomic(file, document.toString())
}
