import type { DoorComparison } from './compare-doors.js'
import type { CheckResult, ConformanceReport } from './types.js'

/** A table of the checks and a closing line with the score, plain text. */
export function formatConformance(report: ConformanceReport): string {
  const width = Math.max(...report.checks.map(({ name }) => name.length))
  const lines = report.checks.map((check) => `  ${mark(check)}  ${check.name.padEnd(width)}  ${check.detail ?? ''}`.trimEnd())
  return [report.name, ...lines, `${report.name}: ${report.score} of ${report.total} checks passed`].join('\n')
}

const mark = ({ passed, skipped }: CheckResult): string => (skipped ? 'left out' : passed ? 'ok      ' : 'FAILED  ')

/** One line a difference, and a closing line. */
export function formatComparison({ doors, scenarios, differences }: DoorComparison): string {
  const lines = differences.map(({ scenario, door, expected, found }) => `  ${scenario}: ${doors[0] ?? ''} says ${expected}, ${door} says ${found}`)
  return [...lines, `${doors.join(', ')}: ${differences.length} differences in ${scenarios} requests`].join('\n')
}
