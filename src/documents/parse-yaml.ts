import type { Document } from 'yaml'
import { composeYaml } from './compose-yaml.js'
import { MAX_FINDINGS, type Finding } from './finding.js'
import { createLineIndex } from './line-index.js'
import { DocumentProblem, type ParseResult, type Source } from './parse-result.js'
import { readYamlDocument } from './yaml-reader.js'

const UNSUPPORTED_TAG = 'TAG_RESOLVE_FAILED'

/**
 * Parses one YAML 1.2 document into plain values with origins. Duplicate keys, unknown tags, tabs, several documents,
 * undefined anchors, aliases without bound and deep nesting are findings with line and column.
 * @param options.firstLine line of the text's first line in its file; default 1
 */
export async function parseYaml(text: string, source: Source, options: { firstLine?: number } = {}): Promise<ParseResult> {
  // Its default alone: bundled into the sidecar, a CommonJS package has no other names.
  const { default: yaml } = await import('yaml')
  const placeInText = createLineIndex(text)
  const place = (offset: number) => {
    const { line, column } = placeInText(Math.max(0, offset))
    return { file: source.file, line: line + (options.firstLine ?? 1) - 1, column }
  }
  const asError = ({ message, offset, rule }: DocumentProblem): Finding => ({ severity: 'error', message, ...place(offset), rule })
  try {
    const { document, second } = composeYaml(yaml, text, source.budget)
    if (!document) return { value: undefined, findings: [] }
    const problems = second === undefined
      ? listProblems(document)
      : [new DocumentProblem('yaml-syntax', 'a second YAML document begins here; the file may hold only one', second)]
    if (problems.length > 0) return { value: undefined, findings: problems.slice(0, MAX_FINDINGS).map(asError) }
    const read = readYamlDocument(yaml, document, (offset) => ({ ...place(offset), whose: source.whose }))
    if (read.problems.length > 0) return { value: undefined, findings: read.problems.slice(0, MAX_FINDINGS).map(asError) }
    return { value: read.value, findings: document.warnings.map((warning) => ({ severity: 'warning', message: warning.message, ...place(warning.pos[0]) })) }
  } catch (error) {
    if (error instanceof DocumentProblem) return { value: undefined, findings: [asError(error)] }
    throw error
  }
}

/** What the library found wrong. A tag that it doesn't know is a warning to it; the value would be read as something else than is meant. */
function listProblems(document: Document.Parsed): DocumentProblem[] {
  const version = document.directives?.yaml
  const problems = version?.explicit && version.version !== '1.2' ? [new DocumentProblem('yaml-version', 'only YAML 1.2 is read', 0)] : []
  return [
    ...problems,
    ...document.errors.map((error) => new DocumentProblem('yaml-syntax', describeYamlError(error), error.pos[0])),
    ...document.warnings.filter(({ code }) => code === UNSUPPORTED_TAG).map(({ pos }) => new DocumentProblem('yaml-tag', 'this tag is not known here', pos[0])),
  ]
}

function describeYamlError(error: { code: string; message: string }): string {
  return error.code === 'TAB_AS_INDENT' ? 'a tab cannot indent YAML; use spaces' : error.message
}
