import { describeFinding } from './finding.js'
import { readDocumentText } from './read-text.js'
import { parseYaml } from './parse-yaml.js'
import type { Source } from './parse-result.js'

/**
 * A YAML file's text with one value set and everything else, comments included, as it stands; a file that doesn't exist yet
 * counts as empty. A file that cannot be read is not changed: the answer says why.
 */
export async function setInYaml(source: Source, path: readonly string[], value: string): Promise<{ text: string } | { problem: string }> {
  const answer = await readDocumentText(source.file)
  if ('problem' in answer && answer.reason !== 'absent') return { problem: `${source.file}: the file ${answer.problem}` }
  const text = 'text' in answer ? answer.text : ''
  // Judged by the one reader first, which also bounds what the library is given.
  const { findings } = await parseYaml(text, source)
  const error = findings.find(({ severity }) => severity === 'error')
  if (error) return { problem: describeFinding(error) }
  const { default: { parseDocument, isMap } } = await import('yaml')
  const document = parseDocument(text)
  if (document.contents !== null && !isMap(document.contents)) return { problem: `${source.file}:1:1: the file must be a mapping` }
  document.setIn(path, value)
  return { text: document.toString() }
}
