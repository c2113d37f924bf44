import { describe, expect, test } from 'vitest'
import { resolveOptions } from '../../src/config/index.js'
import { createLiveConfig, SHOWN_OPTIONS } from '../../src/config/live-config.js'

function open(mounted: Record<string, unknown>, env: Record<string, string> = {}) {
  const warnings: string[] = []
  const live = createLiveConfig({ mounted, options: resolveOptions(mounted, { env }).options, env, warn: (message) => void warnings.push(message) })
  return { ...live, warnings }
}

describe('createLiveConfig', () => {
  test('shows what a project may set, and nothing that only the user may', () => {
    const { config } = open({
      default_model: 'gpt-5.4', reasoning_effort: 'low', lane: 'api_key', api_key: 'sk-made-up', base_url: 'https://host.example/v1',
      redis_url: 'redis://:made-up@host.example', token_file_path: '/home/x/tokens.json', no_such_option: 'made-up',
    })
    expect(config).toEqual({ default_model: 'gpt-5.4', reasoning_effort: 'low' })
  })

  test('what is shown of any config is settings of models and behaviour', () => {
    const userOnly = ['api_key', 'base_url', 'redis_url', 'extra_request_params', 'token_file_path', 'account', 'routing_overrides', 'matrix']
    expect(userOnly.filter((key) => SHOWN_OPTIONS.has(key))).toEqual([])
    expect(['default_model', 'reasoning_effort', 'priority', 'timeout'].filter((key) => !SHOWN_OPTIONS.has(key))).toEqual([])
  })

  test('what is written is in force from the next question, and the same object until then', () => {
    const { config, options, warnings } = open({ default_model: 'gpt-5.4' })
    const before = options()
    expect(options()).toBe(before)
    config['default_model'] = 'gpt-6.1-sol'
    config['timeout'] = 7
    const after = options()
    expect(options()).toBe(after)
    expect(after).toEqual({ ...before, defaultModel: 'gpt-6.1-sol', idleTimeoutMs: 7_000 })
    delete config['timeout']
    config['default_model'] = 'gpt-5.4'
    expect(options()).toBe(before)
    expect(warnings).toEqual([])
  })

  test.each([
    ['only the user may set it', 'base_url', 'https://elsewhere.example/v1', /base_url .*project/],
    ['it would read the environment', 'default_model', '${SECRET}', /default_model/],
    ['it has the wrong type', 'reasoning_effort', { deep: true }, /reasoning_effort/],
    ['it counts at the mount alone', 'warm_up', true, /warm_up .*mount alone/],
  ])('ignores a key with one warning where %s', (_, key, value, warning) => {
    const { config, options, warnings } = open({ default_model: 'gpt-5.4' }, { SECRET: 'made-up' })
    const before = options()
    config[key] = value
    expect(options()).toEqual(before)
    config['max_retries'] = 1
    expect(options()).toEqual({ ...before, maxRetries: 1 })
    expect(warnings).toEqual([expect.stringMatching(warning)])
    expect(JSON.stringify(warnings)).not.toContain('made-up')
  })

  test('keys that are no options are a host’s own, and keep silent', () => {
    const { config, options, warnings } = open({})
    const before = options()
    config['x_host'] = { own: 1 }
    expect(options()).toBe(before)
    expect(warnings).toEqual([])
  })
})
