import { applyLintRules, type LintOptions } from './lint-rules.js'
import { findMatrixProblems } from './matrix-problems.js'
import { parseMatrix, type MatrixProblem } from './parse-matrix.js'

export interface LintFinding {
  severity: 'error' | 'warning'
  rule: string
  message: string
  file?: string
  /** from 1 */
  line: number
  /** from 1 */
  column: number
  /** what to write instead */
  hint?: string
}

/** Hints for what keeps a file from being a matrix. */
const HINTS: Readonly<Partial<Record<string, string>>> = {
  'missing-role': 'agents without a better role fall back on general and fast',
  'base-in-matrix': 'base stands for the matrix’s own candidates, in routing.overrides of the settings',
  'duplicate-key': 'of two keys with one name only one can count',
}

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
  const parsed = await parseMatrix(text)
  const finish = (finding: Omit<LintFinding, 'file'>): LintFinding => (file === undefined ? finding : { ...finding, file })
  const asError = (problem: MatrixProblem): LintFinding => {
    const { line = 1, column = 1 } = problem.line === undefined ? parsed.locate(problem.path ?? []) : problem
    const hint = HINTS[problem.rule]
    const { rule, message } = problem
    return finish({ severity: 'error', rule, message, line, column, ...(hint === undefined ? {} : { hint }) })
  }
  if (parsed.problems.length > 0) return parsed.problems.map(asError)
  const rules = await applyLintRules(parsed.data, options)
  return [
    ...findMatrixProblems(parsed.data).map(asError),
    ...rules.map(({ path, ...finding }) => finish({ ...finding, ...parsed.locate(path) })),
  ].sort((a, b) => a.line - b.line || a.column - b.column)
}
