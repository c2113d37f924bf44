import type { Finding } from '../documents/index.js'
import { applyLintRules, type LintOptions } from './lint-rules.js'
import { findMatrixProblems, placeProblem } from './matrix-problems.js'
import { parseMatrix } from './read-matrix.js'

/** A finding of a matrix; without a file where the text came without one. */
export type LintFinding = Omit<Finding, 'file'> & Partial<Pick<Finding, 'file'>> & { rule: string }

const DUPLICATE_HINT = 'of two keys with one name only one can count'

/**
 * Everything there is to say about a matrix's text, in the order of its lines. Errors keep it from loading
 * (but `config-value`, which is found at the provider); warnings don't.
 * @param source as `readMatrixSource` answers it
 */
export async function lintMatrix(
  source: string | { text: string; file?: string },
  options: LintOptions = {},
): Promise<LintFinding[]> {
  const { text, file } = typeof source === 'string' ? { text: source, file: undefined } : source
  const finish = ({ file: _, ...finding }: Finding): LintFinding =>
    ({ ...finding, rule: finding.rule ?? 'document', ...(file === undefined ? {} : { file }) })
  const { value, findings } = await parseMatrix({ text, file: file ?? 'matrix.yaml', whose: 'user' })
  if (findings.some(({ severity }) => severity === 'error')) {
    return findings.map((finding) => finish(finding.rule === 'duplicate-key' ? { ...finding, hint: DUPLICATE_HINT } : finding))
  }
  const problems = [...findMatrixProblems(value), ...applyLintRules(value, options)]
  return [...findings, ...problems.map((problem) => placeProblem(problem, value, file ?? ''))]
    .map(finish)
    .sort((a, b) => a.line - b.line || a.column - b.column)
}
