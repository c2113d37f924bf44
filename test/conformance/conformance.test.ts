import { describe, expect, test } from 'vitest'
import { formatConformance, openModule, runModuleConformance } from '../../src/conformance/index.js'
import { createModule } from '../../src/index.js'

describe('the conformance kit', () => {
  test('the shipped module scores full marks in process', async () => {
    const report = await runModuleConformance(createModule({ warn: () => undefined }))
    expect(report.checks.filter(({ passed }) => !passed), formatConformance(report)).toEqual([])
    expect(report.score).toBe(report.total)
  }, 60_000)
})
void openModule
