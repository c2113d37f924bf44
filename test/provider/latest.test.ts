import { describe, expect, test } from 'vitest'
import { buildFallbackModels, type CatalogSnapshot } from '../../src/account/index.js'
import { decodeModels } from '../../src/account/decode-models.js'
import { ProviderUnavailableError, type LaneName } from '../../src/contract/index.js'
import { createModelChooser } from '../../src/provider/choose-model.js'
import type { ProviderSettings } from '../../src/provider/deps.js'
import { ask as say, failureOf, mountOnTwin } from '../support/mounted.js'

const settings = (more: Partial<ProviderSettings> = {}): ProviderSettings => ({
  baseUrl: '', defaultModel: 'latest', raw: false, useStreaming: true, extraRequestParams: {}, connectTimeoutMs: 1, transport: 'sse', continuation: 'exact', maxRetries: 0,
  maxContinuations: 0, servedModelPolicy: 'accept', ...more,
})
const listed = (lane: LaneName, ...slugs: string[]): CatalogSnapshot => ({
  models: decodeModels(slugs.map((slug) => ({ slug, visibility: 'list', additional_speed_tiers: ['fast'], supported_reasoning_levels: ['low', 'high'], default_reasoning_level: 'low' })), lane),
  source: 'live', lane, ageSeconds: 0,
})
const offline: CatalogSnapshot = { models: buildFallbackModels(), source: 'fallback', lane: 'codex', ageSeconds: 0 }
const ask = { messages: [] }

describe('the default model latest', () => {
  test.each<[string, CatalogSnapshot, string]>([
    ['the first that is neither -fast nor -mini', listed('codex', 'gpt-7-mini', 'gpt-7', 'gpt-6'), 'gpt-7'],
    ['a variant where there is nothing else', listed('codex', 'gpt-7-mini'), 'gpt-7-mini'],
    ['in the plan the first, as it is listed', listed('plan', 'second-mini-fast', 'gpt-7'), 'second-mini-fast'],
    ['with a key, whose list has no order, the first built-in name that it has', listed('api_key', 'babbage-002', 'gpt-5.4', 'gpt-6.1-sol'), 'gpt-6.1-sol'],
    ['the built-in flagship offline', offline, 'gpt-6.1-sol'],
  ])('is %s', (_words, snapshot, slug) => {
    expect(createModelChooser('openai-chatgpt')(ask, snapshot, settings())).toMatchObject({ requested: 'latest', slug })
  })

  test('stays what it was found to be while it is listed, but a built-in name only stands in', () => {
    const choose = createModelChooser('openai-chatgpt')
    const slugs = [offline, listed('codex', 'gpt-7', 'gpt-6'), listed('codex', 'gpt-8', 'gpt-7'), listed('codex', 'gpt-8')]
      .map((snapshot) => choose(ask, snapshot, settings()).slug)
    expect(slugs).toEqual(['gpt-6.1-sol', 'gpt-7', 'gpt-7', 'gpt-8'])
  })

  test('takes the suffixes that any model takes', () => {
    const choose = createModelChooser('openai-chatgpt')
    const snapshot = listed('codex', 'gpt-7')
    expect(choose(ask, snapshot, settings({ defaultModel: 'latest:high' }))).toMatchObject({ slug: 'gpt-7', effort: 'high' })
    expect(choose({ ...ask, model: 'latest-fast' }, snapshot, settings())).toMatchObject({ slug: 'gpt-7', serviceTier: 'priority' })
  })

  test('is the reason of the missing list where the plan\'s could not be had', () => {
    const failure = new ProviderUnavailableError('away')
    expect(() => createModelChooser('openai-chatgpt')(ask, { models: [], source: 'fallback', lane: 'plan', ageSeconds: 0, failure }, settings())).toThrow(failure)
  })
})

test('the setting none says nothing of reasoning, a caller\'s none does', () => {
  const choose = createModelChooser('openai-chatgpt')
  const snapshot = listed('codex', 'gpt-7')
  for (const quiet of [settings({ reasoningEffort: 'none' }), settings({ environmentEffort: 'none' })]) {
    const choice = choose(ask, snapshot, quiet)
    expect([choice.effort, choice.supportsReasoningSummary]).toEqual([undefined, false])
  }
  expect(choose({ ...ask, reasoning_effort: 'none' }, snapshot, settings({ reasoningEffort: 'high' })).effort).toBe('none')
  expect(choose({ ...ask, reasoning_effort: 'high' }, snapshot, settings({ reasoningEffort: 'none' }))).toMatchObject({ effort: 'high', supportsReasoningSummary: true })
  expect(choose(ask, snapshot, settings())).toMatchObject({ effort: 'low', supportsReasoningSummary: true })
})

test('outside the setting nothing says latest: events, receipts and errors name the model that serves', async () => {
  const mounted = await mountOnTwin({ config: { default_model: 'latest:high', transport: 'sse', max_retries: 1 } })
  try {
    const { twin, provider } = mounted
    twin.enqueue({ status: 503, body: { detail: 'away' } })
    await provider.complete(say('hello'))
    twin.enqueue({ status: 400, body: { detail: 'no' } })
    const failure = await failureOf(provider.complete(say('hello')))
    const named = mounted.events.flatMap(({ event, data }) => ('model' in data ? [[event, data['model']]] : []))
    expect(named).toEqual([
      ['llm:request', 'gpt-6.1-sol'], ['provider:retry', 'gpt-6.1-sol'], ['llm:response', 'gpt-6.1-sol'], ['llm:request', 'gpt-6.1-sol'], ['llm:response', 'gpt-6.1-sol'],
    ])
    expect(failure.model).toBe('gpt-6.1-sol')
    expect(mounted.named('llm:response')[0]?.['route']).toMatchObject({ requested_model: 'latest:high', resolved_model: 'gpt-6.1-sol' })
    expect(provider.default_model).toBe('latest:high')
  } finally {
    await mounted.close()
  }
})
