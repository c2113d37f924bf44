import { describe, expect, test } from 'vitest'
import { compareDoors, formatComparison, formatConformance, openModule, runConformance, runModuleConformance, type OpenDoor } from '../../src/conformance/index.js'
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

  test('differs from a sound one where it is broken, and only there', async () => {
    const [, loseUsage] = DEFECTS.find(([defect]) => defect === 'loses the usage') ?? DEFECTS[0] ?? []
    const broken = { name: 'broken', open: openModule(createBrokenModule(loseUsage ?? ((provider) => provider))) }
    const { differences } = await compareDoors([...DOORS.slice(0, 1), broken])
    expect(differences.map(({ scenario }) => scenario)).toEqual(['a computed answer', 'text, thought and counts', 'two calls', 'an answer to a schema', 'an effort', 'a system prompt'])
  })

  test('that mounts nothing scores nothing, and the report says why', async () => {
    const module = { ...createBrokenModule((provider) => provider), mount: () => Promise.resolve(null) }
    const report = await runModuleConformance(module)
    expect(report.score).toBe(0)
    expect(report.checks[0]?.detail).toContain('provider-broken mounted no provider')
    expect(formatConformance(report)).toMatch(/provider-broken: 0 of 20 checks passed$/)
  })

  test('is not blamed for checks that were left out by wish or for want of a feature', async () => {
    const open = async (...words: Parameters<OpenDoor>) => {
      const { complete, close } = await openModule(createBrokenModule((provider) => provider))(...words)
      return { complete, close }
    }
    const report = await runConformance({ name: 'bare', open, skip: ['plain text'] })
    expect(report.checks.filter(({ skipped }) => skipped).map(({ name }) => name)).toEqual(['plain text', 'stream equals complete', 'events come in pairs'])
    expect([report.score, report.total]).toEqual([17, 17])
  }, 60_000)
})
