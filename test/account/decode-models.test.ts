import { expect, test } from 'vitest'
import { decodeModels } from '../../src/account/decode-models.js'
import { measureCpu } from '../documents/support.js'

/** Looking each word up among all others took 46 s for as many. */
test('a model with 300,000 speed tiers, and a list of 50,000 models, are read in time', async () => {
  const { cpuMs } = await measureCpu(() => {
    const tiers = Array.from({ length: 300_000 }, (_, index) => `tier-${index}`)
    const [model, fast] = decodeModels([{ slug: 'm', additional_speed_tiers: [...tiers, 'fast'], supported_reasoning_levels: tiers }])
    expect([model?.efforts.length, fast?.id]).toEqual([300_000, 'm-fast'])
    expect(decodeModels(Array.from({ length: 50_000 }, (_, index) => ({ slug: `m${index}` })))).toHaveLength(50_000)
  })
  expect(cpuMs).toBeLessThan(15_000)
})
