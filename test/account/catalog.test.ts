import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { createCatalog, createSharedListing, createStateFile, describeModel, findModel, nearestModels, toModelInfos } from '../../src/account/index.js'
import type { Catalog, CatalogOptions, CatalogSnapshot } from '../../src/account/index.js'
import { AuthenticationError } from '../../src/contract/index.js'

const folders: string[] = []
afterEach(async () => {
  await Promise.all(folders.splice(0).map((folder) => rm(folder, { recursive: true, force: true })))
})

const SOL = {
  slug: 'gpt-6.1-sol', display_name: 'GPT-6.1 Sol', priority: 3, visibility: 'list', supported_in_api: true,
  context_window: 272_000, max_context_window: 872_000, default_reasoning_level: 'medium',
  supported_reasoning_levels: [{ effort: 'low', description: 'Quick' }, { effort: 'medium', description: '' }, { effort: 'ludicrous' }],
  additional_speed_tiers: ['fast'], input_modalities: ['text', 'image'], support_verbosity: true,
  supports_reasoning_summary_parameter: true, prefer_websockets: true, minimal_client_version: [0, 99, 0], new_field: { of: 2027 },
}
const MINI = { slug: 'gpt-5.4-mini', priority: 9, visibility: 'list', supported_in_api: true, supported_reasoning_levels: ['low', 'medium'], input_modalities: ['text'] }

interface Bench {
  catalog: Catalog
  clock: { ms: number }
  /** one reply per fetch; the last one serves for ever */
  replies: (unknown[] | Error)[]
  etag: { value: string | undefined }
  fetches: AbortSignal[]
}

function createBench(options: Partial<CatalogOptions> = {}): Bench {
  const clock = { ms: 1_800_000_000_000 }
  const replies: Bench['replies'] = [[SOL, MINI]]
  const fetches: AbortSignal[] = []
  const etag: Bench['etag'] = { value: undefined }
  const catalog = createCatalog({
    ttlMs: 3_600_000,
    now: () => clock.ms,
    async fetchModels(signal) {
      fetches.push(signal!)
      const reply = replies.length > 1 ? replies.shift()! : replies[0]!
      await new Promise((resolve) => setImmediate(resolve))
      if (reply instanceof Error) throw reply
      return { models: reply, ...(etag.value === undefined ? {} : { etag: etag.value }) }
    },
    ...options,
  })
  return { catalog, clock, replies, fetches, etag }
}

const ids = (snapshot: CatalogSnapshot) => snapshot.models.map((model) => model.id)

describe('decoding', () => {
  test('keeps the account’s order, puts a -fast variant behind its model, and leaves out what is not to be shown', async () => {
    const { catalog, replies } = createBench()
    replies[0] = [
      { slug: 'z-last', priority: 99 }, SOL, { ...MINI, visibility: 'hide' }, { slug: 'n', visibility: 'none' },
      { slug: 'internal', supported_in_api: false }, null, 'text', {}, { slug: '' }, { slug: 'z-last', priority: 1 },
      { slug: 'tiered', service_tiers: [{ id: 'priority', name: 'Fast' }] }, { slug: 'own', additional_speed_tiers: ['fast'] }, { slug: 'own-fast' },
    ]
    expect(ids(await catalog.list())).toEqual(['z-last', 'gpt-6.1-sol', 'gpt-6.1-sol-fast', 'tiered', 'tiered-fast', 'own', 'own-fast'])
  })

  test('reads every field of the wire, levels as objects or texts, and forgives missing and unknown ones', async () => {
    const { catalog, replies } = createBench()
    replies[0] = [SOL, MINI, { slug: 'bare', context_window: 'wide', supported_reasoning_levels: { odd: 1 }, additional_speed_tiers: 'fast' }]
    const { models } = await catalog.list()
    expect(models[1]).toEqual({
      id: 'gpt-6.1-sol-fast', slug: 'gpt-6.1-sol', displayName: 'GPT-6.1 Sol (fast)', contextWindow: 272_000, maxContextWindow: 872_000,
      maxOutputTokens: 128_000, efforts: ['low', 'medium', 'ludicrous'], defaultEffort: 'medium', inputModalities: ['text', 'image'], speed: 'fast',
      supportsVerbosity: true, supportsReasoningSummary: true, priority: 3,
    })
    expect(models[2]).toMatchObject({ id: 'gpt-5.4-mini', efforts: ['low', 'medium'], inputModalities: ['text'] })
    expect(models[3]).toEqual({
      id: 'bare', slug: 'bare', displayName: 'bare', contextWindow: 272_000, maxOutputTokens: 128_000, efforts: [], inputModalities: ['text', 'image'],
      supportsVerbosity: false, supportsReasoningSummary: false, priority: 2,
    })
  })

  test('a public listing, which says nothing of reasoning, is read by its names', async () => {
    const { catalog, replies } = createBench()
    replies[0] = [{ id: 'gpt-5.5', object: 'model' }, { id: 'gpt-4o', object: 'model' }]
    const { models } = await catalog.list()
    expect(models.map((model) => [model.id, model.efforts])).toEqual([['gpt-5.5', ['low', 'medium', 'high']], ['gpt-4o', []]])
  })
})

describe('time to live', () => {
  test('one fetch serves everybody who asks at once, and all who ask within the time', async () => {
    const { catalog, clock, fetches } = createBench()
    expect(catalog.peek()).toBeUndefined()
    await Promise.all([catalog.list(), catalog.list(), catalog.list({ refetch: true })])
    clock.ms += 3_599_000
    const late = await catalog.list()
    expect(fetches).toHaveLength(1)
    expect(late).toMatchObject({ source: 'live', ageSeconds: 3599, fetchedAtMs: 1_800_000_000_000 })
    clock.ms += 1000
    expect(await catalog.list()).toMatchObject({ source: 'live', ageSeconds: 0 })
    expect(fetches).toHaveLength(2)
  })

  test('refetch asks again within the time', async () => {
    const { catalog, fetches, replies } = createBench()
    replies.push([MINI])
    await catalog.list()
    expect(ids(await catalog.list({ refetch: true }))).toEqual(['gpt-5.4-mini'])
    expect(fetches).toHaveLength(2)
  })
})

describe('catalogs of one account in one process', () => {
  const pair = () => {
    const shared = createSharedListing()
    return [createBench({ shared }), createBench({ shared })] as const
  }

  test('ask once between them, at once or one after the other, and show the same list', async () => {
    const [one, other] = pair()
    const [first, second] = await Promise.all([one.catalog.list(), other.catalog.list()])
    expect([one.fetches.length + other.fetches.length, second.models === first.models]).toEqual([1, true])
    one.clock.ms += 1
    expect([(await other.catalog.list()).source, other.fetches.length]).toEqual(['live', 0])
    expect(other.catalog.peek()?.models).toBe(first.models)
  })

  test('one that ends while it asks leaves the asking to the others', async () => {
    const [one, other] = pair()
    one.replies[0] = new Error('the mount ended')
    const both = [one.catalog.list(), other.catalog.list()]
    await one.catalog.close()
    await Promise.all(both)
    expect([one.fetches.length, other.fetches.length, other.catalog.peek()?.source]).toEqual([1, 1, 'live'])
  })

  test('a failure is each one\'s own, until somebody is told a list', async () => {
    const [one, other] = pair()
    one.replies[0] = new AuthenticationError('nobody is signed in')
    expect((await one.catalog.list()).failure).toBeInstanceOf(AuthenticationError)
    expect(await other.catalog.list()).toMatchObject({ source: 'live' })
    expect([(await one.catalog.list()).failure, one.fetches.length]).toEqual([undefined, 1])
  })
})

describe('failure', () => {
  test('answers the last good list with its age and the failure, asks again after a moment, and recovers', async () => {
    const { catalog, clock, replies, fetches } = createBench()
    const error = new AuthenticationError('sign in again')
    replies.push(error, error, [MINI])
    const first = await catalog.list()
    clock.ms += 3_600_000
    const stale = await catalog.list()
    expect(stale).toEqual({ models: first.models, lane: 'codex', source: 'last_good', fetchedAtMs: 1_800_000_000_000, ageSeconds: 3600, failure: error })
    expect(catalog.peek()).toEqual(stale)
    await catalog.list()
    expect(fetches).toHaveLength(2)
    clock.ms += 5000
    expect((await catalog.list()).failure).toBe(error)
    expect(fetches).toHaveLength(3)
    expect(await catalog.list({ refetch: true })).toMatchObject({ source: 'live', ageSeconds: 0 })
  })

  test('with no list ever, the built-in one is marked as fallback and the failure is kept, typed', async () => {
    const { catalog, replies } = createBench()
    replies[0] = new TypeError('socket hang up')
    const snapshot = await catalog.list()
    expect(snapshot.source).toBe('fallback')
    expect(ids(snapshot).filter((id) => !id.endsWith('-fast'))).toEqual([
      'gpt-6.1-sol', 'gpt-6-luna', 'gpt-5.6-sol', 'gpt-5.6-terra', 'gpt-5.6-luna', 'gpt-5.5', 'gpt-5.4', 'gpt-5.4-mini',
    ])
    expect(ids(snapshot).filter((id) => id.endsWith('-fast'))).toHaveLength(7)
    expect(snapshot.failure).toMatchObject({ name: 'ProviderUnavailableError', message: 'the model list could not be had: socket hang up', retryable: true })
    expect(toModelInfos(snapshot)[0]?.metadata).toEqual({ cost_tier: 'high', source: 'fallback', age_seconds: 0 })
    // Told more than the plan's route takes, a host compacts too late, and its call is refused.
    expect([...new Set(toModelInfos(snapshot).map(({ context_window }) => context_window))]).toEqual([272_000])
    expect(toModelInfos(snapshot).filter(({ capabilities }) => capabilities.includes('long_context')).map(({ id }) => id)).toContain('gpt-5.5')
  })

  test('a list without a usable model is a failure and pushes out no good one', async () => {
    const { catalog, replies } = createBench()
    replies.push([{ slug: 'x', visibility: 'hide' }])
    await catalog.list()
    const snapshot = await catalog.list({ refetch: true })
    expect(snapshot).toMatchObject({ source: 'last_good', failure: { code: 'empty_model_list' } })
    expect(ids(snapshot)).toEqual(['gpt-6.1-sol', 'gpt-6.1-sol-fast', 'gpt-5.4-mini'])
  })

  test('the last good list outlives the process, but a new process asks first', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'catalog-'))
    folders.push(folder)
    const file = createStateFile(join(folder, 'state.json'))
    const persisted = file.persisted('account', 'catalog')
    const before = createBench({ persisted })
    before.etag.value = '"v1"'
    before.replies[0] = [{ ...SOL, base_instructions: 'x'.repeat(50_000) }]
    await before.catalog.list()
    await persisted.update?.((stored) => {
      expect(JSON.stringify(stored).length).toBeLessThan(2000)
      return stored
    })
    const after = createBench({ persisted: createStateFile(file.path).persisted('account', 'catalog') })
    after.replies[0] = new Error('offline')
    after.clock.ms += 60_000
    const snapshot = await after.catalog.list()
    expect(after.fetches).toHaveLength(1)
    expect(snapshot).toMatchObject({ source: 'last_good', ageSeconds: 60, failure: { name: 'ProviderUnavailableError' } })
    expect(snapshot.models).toEqual((await before.catalog.list()).models)
  })

  test.each([['a text', 'text'], ['no models', {}], ['no time', { models: [SOL] }], ['nothing usable', { fetched_at_ms: 1, models: [7] }]])(
    'a kept list that is %s counts as none', async (_title, stored) => {
      const { catalog, replies } = createBench({ persisted: { load: async () => stored, save: async () => undefined } })
      replies[0] = new Error('offline')
      expect((await catalog.list()).source).toBe('fallback')
    },
  )

  test('a store that cannot be read or written costs nothing', async () => {
    const broken = { load: () => Promise.reject(new Error('EACCES')), save: () => Promise.reject(new Error('EROFS')) }
    const { catalog, replies } = createBench({ persisted: broken })
    replies.unshift(new Error('offline'))
    expect((await catalog.list()).source).toBe('fallback')
    expect((await catalog.list({ refetch: true })).source).toBe('live')
  })
})

describe('abort', () => {
  test('ends the wait of the one who aborts; the fetch goes on for the others', async () => {
    const { catalog, fetches } = createBench()
    const abort = new AbortController()
    const reason = new Error('gone')
    const gone = catalog.list({ signal: abort.signal })
    const stays = catalog.list()
    abort.abort(reason)
    await expect(gone).rejects.toBe(reason)
    expect((await stays).source).toBe('live')
    expect(fetches[0]?.aborted).toBe(false)
    await expect(catalog.list({ signal: abort.signal })).rejects.toBe(reason)
  })

  test('ends the fetch when all have gone, and that is no failure of the list', async () => {
    const { catalog, fetches } = createBench()
    const abort = new AbortController()
    const lists = [catalog.list({ signal: abort.signal }), catalog.list({ signal: abort.signal })]
    abort.abort(new Error('gone'))
    for (const list of lists) await expect(list).rejects.toThrow('gone')
    expect(fetches[0]?.aborted).toBe(true)
    expect((await catalog.list()).failure).toBeUndefined()
  })
})

describe('the list’s tag', () => {
  test('the same tag renews a list older than half its time, in whatever form it is written', async () => {
    const { catalog, clock, etag, fetches } = createBench()
    etag.value = 'W/"v1"'
    await catalog.list()
    clock.ms += 1_700_000
    catalog.observeEtag('v1')
    expect(catalog.peek()?.ageSeconds).toBe(1700)
    clock.ms += 200_000
    catalog.observeEtag('"v1"')
    expect(catalog.peek()?.ageSeconds).toBe(0)
    clock.ms += 3_500_000
    await catalog.list()
    expect(fetches).toHaveLength(1)
  })

  test('another tag fetches behind the next answer, once for that tag, even if the list never carries it', async () => {
    const { catalog, etag, fetches, replies } = createBench()
    etag.value = 'v1'
    replies.push([MINI])
    await catalog.list()
    catalog.observeEtag('v2')
    expect(fetches).toHaveLength(1)
    expect(ids(await catalog.list())).toContain('gpt-6.1-sol')
    expect(fetches).toHaveLength(2)
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)))
    catalog.observeEtag('v2')
    expect(ids(await catalog.list())).toEqual(['gpt-5.4-mini'])
    expect(fetches).toHaveLength(2)
  })

  test('says nothing where the list has none, and an empty tag is none', async () => {
    const { catalog, fetches, etag } = createBench()
    await catalog.list()
    catalog.observeEtag('v9')
    await catalog.list()
    etag.value = 'v1'
    await catalog.list({ refetch: true })
    catalog.observeEtag('')
    await catalog.list()
    expect(fetches).toHaveLength(2)
  })
})

describe('finding', () => {
  const list = async () => {
    const { catalog, replies } = createBench()
    replies[0] = [
      SOL, { slug: 'gpt-5.5' }, { slug: 'gpt-5.5-pro' }, { slug: 'gpt-5.3-codex' }, MINI,
      { slug: 'gpt-5.2', upgrade: { model: 'gpt-5.5-pro', retirement_at: '2026-12-01' } },
    ]
    return catalog.list()
  }

  test('finds exactly what is listed; a dated name is described by the longest listed beginning of it', async () => {
    const snapshot = await list()
    expect(findModel(snapshot, 'gpt-5.5')?.id).toBe('gpt-5.5')
    expect(findModel(snapshot, 'GPT-5.5')).toBeUndefined()
    expect(findModel(snapshot, 'gpt-5.5-2026-04-23')).toBeUndefined()
    expect(describeModel(snapshot, 'gpt-5.5-2026-04-23')?.id).toBe('gpt-5.5')
    expect(describeModel(snapshot, 'gpt-5.5-pro-2026-04-23')?.id).toBe('gpt-5.5-pro')
    expect(describeModel(snapshot, 'gpt-5.50')).toBeUndefined()
  })

  test('names the nearest, and before all the announced successor', async () => {
    const snapshot = await list()
    expect(nearestModels(snapshot, 'gpt-5.4-codex')[0]).toBe('gpt-5.3-codex')
    expect(nearestModels(snapshot, 'gpt-6-sol')[0]).toBe('gpt-6.1-sol')
    expect(nearestModels(snapshot, 'gpt5.5', 1)).toEqual(['gpt-5.5'])
    expect(nearestModels(snapshot, 'gpt-5.2-2026-01-01', 1)).toEqual(['gpt-5.5-pro'])
  })

  test('tells the host capabilities, defaults and where the list comes from', async () => {
    const infos = toModelInfos(await list())
    expect(infos[1]).toEqual({
      id: 'gpt-6.1-sol-fast', display_name: 'GPT-6.1 Sol (fast)', context_window: 272_000, max_output_tokens: 128_000,
      capabilities: ['tools', 'streaming', 'json_mode', 'thinking', 'vision', 'fast', 'long_context'],
      defaults: { reasoning_effort: 'medium' }, metadata: { cost_tier: 'extreme', source: 'live', age_seconds: 0 },
    })
    expect(infos.map((info) => [info.id, info.metadata?.['cost_tier']])).toContainEqual(['gpt-5.4-mini', 'low'])
  })
})
