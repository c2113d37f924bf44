import { describe, expect, test } from 'vitest'
import { compareDoors, formatComparison, formatConformance, runConformance, runModuleConformance } from '../../src/conformance/index.js'
import { DEFECTS, createBrokenModule } from './broken-module.js'
import { DOORS } from './doors.js'

describe('our own provider through every door', () => {
  test.each(DOORS)('scores full marks: $name', async ({ name, open }) => {
    const report = await runConformance({ name, open })
    expect(report.checks.filter(({ passed }) => !passed), formatConformance(report)).toEqual([])
    expect(report.score).toBe(report.total)
  }, 60_000)

  test('the same request gives the same answer, usage and kind of error', async () => {
    const comparison = await compareDoors(DOORS)
    expect(comparison.differences, formatComparison(comparison)).toEqual([])
  }, 60_000)
})

describe('a provider with a defect', () => {
  test.each(DEFECTS)('that %s loses exactly the checks about it', async (_defect, breakIt, lost) => {
    const report = await runModuleConformance(createBrokenModule(breakIt), { checkTimeoutMs: 8_000 })
    expect(report.checks.filter(({ passed }) => !passed).map(({ name }) => name), formatConformance(report)).toEqual(lost)
    expect(report.score).toBe(report.total - lost.length)
  }, 60_000)
})
