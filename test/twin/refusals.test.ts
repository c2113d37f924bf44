import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ask, doneItems, headersOf, post, readEvents, send, signIn, user, type Json, type Reply, type SignedIn } from './support/raw-client.js'

let signed: SignedIn
beforeAll(async () => { signed = await signIn() })
afterAll(() => signed.twin.close())

const turn = (body: unknown, headers: Record<string, string> = {}) => post(`${signed.twin.baseUrl}/responses`, body, { ...signed.headers, ...headers })
const detailOf = (reply: Reply) => [reply.status, reply.json['detail']]
const errorOf = (reply: Reply): Json => ({ status: reply.status, ...(reply.json['error'] as Json) })
const withItems = (...input: Json[]) => ask('', { input })
const image = (url: string) => withItems({ type: 'message', role: 'user', content: [{ type: 'input_image', image_url: url }] })
const call = (id: string): Json => ({ type: 'function_call', call_id: id, name: 'x', arguments: '{}' })
const output = (id: string): Json => ({ type: 'function_call_output', call_id: id, output: 'y' })

describe('who may call door 1', () => {
  test('without a bearer, with an unknown one, or without the account it was issued to: 401', async () => {
    const { twin, headers } = signed
    const url = `${twin.baseUrl}/responses`
    const refused = await Promise.all([
      post(url, ask('a')), post(url, ask('a'), { ...headers, authorization: 'Bearer x' }),
      post(url, ask('a'), { authorization: headers['authorization'] ?? '' }), turn(ask('a'), { 'chatgpt-account-id': 'acct_other' }),
    ])
    expect(refused.map(detailOf)).toEqual(Array.from({ length: 4 }, () => [401, 'Unauthorized']))
    expect(refused.map((reply) => reply.headers['x-openai-authorization-error'])).toEqual([undefined, undefined, 'missing_account_id', 'account_mismatch'])
  })

  test('an expired and a revoked token are told apart where the shape has a code', async () => {
    const { twin } = signed
    const [expired, revoked] = [twin.issueTokens({ expiresInSeconds: -1 }), twin.issueTokens()]
    twin.revokeAccessToken(revoked.access_token)
    twin.configure({ unauthorizedShape: 'error.code' })
    const codes = await Promise.all([expired, revoked].map(async (tokens) => errorOf(await turn(ask('a'), headersOf(tokens)))['code']))
    expect(codes).toEqual(['token_expired', 'token_revoked'])
    twin.configure({ unauthorizedShape: 'x-error-json' })
    const reply = await turn(ask('a'), headersOf(expired))
    expect(JSON.parse(Buffer.from(String(reply.headers['x-error-json']), 'base64').toString())).toMatchObject({ error: { code: 'token_expired' } })
    twin.configure({ unauthorizedShape: 'detail' })
  })

  test('expireAccessTokens() ends those of before, not those of after', async () => {
    const { twin } = signed
    const before = twin.issueTokens()
    twin.expireAccessTokens()
    const after = twin.issueTokens()
    expect([(await turn(ask('a'), headersOf(before))).status, (await turn(ask('a'), headersOf(after))).status]).toEqual([401, 200])
    signed.headers = headersOf(after)
  })
})

describe('fields of door 1', () => {
  test.each([
    'max_output_tokens', 'temperature', 'top_p', 'presence_penalty', 'frequency_penalty', 'seed', 'metadata', 'top_logprobs', 'truncation',
    'stop', 'user', 'background', 'prompt_cache_retention', 'previous_response_id', 'type', 'generate',
  ])('%s is an unsupported parameter over HTTP', async (name) => {
    expect(detailOf(await turn(ask('a', { [name]: 1 })))).toEqual([400, `Unsupported parameter: ${name}`])
  })

  test.each([
    [{ store: true }, 'Store must be set to false'], [{ store: undefined }, 'Store must be set to false'],
    [{ stream: false }, 'Stream must be set to true'], [{ stream: undefined }, 'Stream must be set to true'],
    [{ instructions: undefined }, 'Instructions are required'], [{ instructions: null }, 'Instructions are required'],
    [{ input: 'text' }, 'Input must be a list'], [{ input: [{ type: 'message', role: 'system', content: 'x' }] }, 'System messages are not allowed'],
    [{ service_tier: 'flex' }, 'Unsupported service_tier: flex'], [{ service_tier: 'auto' }, 'Unsupported service_tier: auto'],
    [{ model: 'gpt-0' }, "The 'gpt-0' model is not supported when using Codex with a ChatGPT account."],
  ])('%o is refused with "%s"', async (more: Json, message) => {
    expect(detailOf(await turn(ask('a', more)))).toEqual([400, message])
  })

  test.each<[string, Json, unknown[]]>([
    ['a model that was not seen to take it', { context_management: [{ type: 'compaction', compact_threshold: 5000 }] }, [400, 'Unsupported parameter: context_management']],
    ['no list', { model: 'gpt-5.6-sol', context_management: { type: 'compaction' } }, [400, 'context_management']],
    ['another type', { model: 'gpt-5.6-sol', context_management: [{ type: 'x', compact_threshold: 5000 }] }, [400, 'context_management[0].type']],
    ['no threshold', { model: 'gpt-5.6-sol', context_management: [{ type: 'compaction' }] }, [400, 'context_management[0].compact_threshold']],
    ['a trigger that is not the last item', withItems({ type: 'compaction_trigger' }, user('a')), [400, 'input[0]']],
    ['two triggers', withItems(user('a'), { type: 'compaction_trigger' }, { type: 'compaction_trigger' }), [400, 'input[1]']],
    ['a compaction without its content', withItems({ type: 'compaction' }, user('a')), [400, 'input[0].encrypted_content']],
    ['a compaction that nobody sealed', withItems({ type: 'compaction', encrypted_content: 'gAAAAA-made-up' }, user('a')), [400, 'input[0].encrypted_content']],
  ])('of compaction: %s is refused', async (_words, more, [status, where]) => {
    const reply = await turn({ ...ask('a'), ...more })
    expect([reply.status, reply.json['detail'] ?? errorOf(reply)['param']]).toEqual([status, where])
  })

  test('a plan takes neither a trigger nor context_management', async () => {
    const { twin } = signed
    const headers = { authorization: `Bearer ${twin.issueTokens({ lane: 'plan' }).access_token}` }
    const url = `${twin.url}/v1/responses`
    for (const more of [{ input: [user('a'), { type: 'compaction_trigger' }] }, { context_management: [{ type: 'compaction', compact_threshold: 5000 }] }]) {
      const reply = await post(url, ask('a', more), headers)
      expect([reply.status, (reply.json['detail'] as Json)['code']]).toEqual([400, 'subscription_sharing_unsupported_capability'])
    }
  })

  test('what the backend takes passes: empty instructions, priority, default, a whole codex body', async () => {
    for (const more of [
      { instructions: '' }, { service_tier: 'priority' }, { service_tier: 'default' }, { include: [] }, { tools: [] },
      { reasoning: { effort: 'low', summary: 'auto' }, text: { verbosity: 'low' }, prompt_cache_key: 'k', client_metadata: { a: 'b' }, parallel_tool_calls: true, tool_choice: 'auto' },
      { input: [{ role: 'user', content: 'plain' }, { type: 'message', role: 'developer', content: [{ type: 'input_text', text: 'x' }] }] },
    ]) expect((await turn(ask('a', more))).status).toBe(200)
    signed.twin.configure({ defaultServiceTier: 'refuse' })
    expect(detailOf(await turn(ask('a', { service_tier: 'default' })))).toEqual([400, 'Unsupported service_tier: default'])
    signed.twin.configure({ defaultServiceTier: 'accept', missingInstructions: 'accept' })
    expect((await turn(ask('a', { instructions: undefined }))).status).toBe(200)
    signed.twin.configure({ missingInstructions: 'refuse' })
  })

  test('an effort, a verbosity or a summary that the model does not have names the value', async () => {
    expect(errorOf(await turn(ask('a', { reasoning: { effort: 'minimal' } })))).toMatchObject({ status: 400, code: 'unsupported_value', param: 'reasoning.effort' })
    expect(errorOf(await turn(ask('a', { model: 'gpt-5.5-pro', reasoning: { effort: 'low' } })))).toMatchObject({ code: 'unsupported_value' })
    expect(errorOf(await turn(ask('a', { model: 'gpt-5-text', reasoning: { effort: 'low' } })))).toMatchObject({ code: 'unsupported_parameter' })
    expect(errorOf(await turn(ask('a', { text: { verbosity: 'loud' } })))).toMatchObject({ param: 'text.verbosity' })
    expect(errorOf(await turn(ask('a', { reasoning: { summary: 'long' } })))).toMatchObject({ param: 'reasoning.summary' })
    expect(errorOf(await turn(ask('a', { include: ['everything'] })))).toMatchObject({ param: 'include' })
  })

  test('a field of the wrong type is named, metadata values that are no text included', async () => {
    for (const [name, value] of Object.entries({ tools: {}, reasoning: 'high', parallel_tool_calls: 'yes', prompt_cache_key: 5, client_metadata: { a: 1 } })) {
      expect(errorOf(await turn(ask('a', { [name]: value })))).toMatchObject({ status: 400, code: 'invalid_type', param: name })
    }
  })

  test('tools have unique names of allowed letters and object schemas; a choice names one of them', async () => {
    const tool = (name: string, parameters: unknown = { type: 'object', properties: {} }) => ({ type: 'function', name, parameters })
    expect(errorOf(await turn(ask('a', { tools: [tool('x'), tool('x')] })))).toMatchObject({ status: 400, message: 'Duplicate tool name: x. Tool names must be unique.' })
    expect(errorOf(await turn(ask('a', { tools: [tool('a b')] })))).toMatchObject({ param: 'tools[0].name' })
    expect(errorOf(await turn(ask('a', { tools: [tool('x', { type: 'string' })] })))).toMatchObject({ code: 'invalid_function_parameters' })
    expect(errorOf(await turn(ask('a', { tools: [{ type: 'magic' }] })))).toMatchObject({ param: 'tools[0].type' })
    expect(errorOf(await turn(ask('a', { tools: [tool('x')], tool_choice: { type: 'function', name: 'y' } })))).toMatchObject({ message: "Tool choice 'y' not found in 'tools' parameter." })
    expect(errorOf(await turn(ask('a', { tool_choice: 'required' })))).toMatchObject({ param: 'tool_choice' })
  })

  test('bad JSON, another content type and a compression this Node lacks are refused', async () => {
    expect((await turn('{"model":')).status).toBe(400)
    expect((await turn('[]')).status).toBe(400)
    expect((await turn('x', { 'content-type': 'text/plain' })).status).toBe(415)
    expect((await turn(ask('a'), { 'content-encoding': 'br' })).status).toBe(415)
  })
})

describe('items of the input', () => {
  test('calls and outputs come in pairs, the call first', async () => {
    expect(errorOf(await turn(withItems(user('a'), call('call_1'))))).toMatchObject({ status: 400, message: 'No tool output found for function call call_1.', type: 'invalid_request_error' })
    expect(errorOf(await turn(withItems(user('a'), output('call_1'))))).toMatchObject({ status: 400, message: 'No tool call found for function call output with call_id call_1.' })
    expect((await turn(withItems(output('call_1'), call('call_1')))).status).toBe(400)
    expect((await turn(withItems({ ...output('call_1'), type: 'custom_tool_call_output' }, call('call_1')))).status).toBe(400)
    expect((await turn(withItems(call('call_1'), call('call_2'), output('call_2'), output('call_1')))).status).toBe(200)
  })

  test('a call id over 64 characters, arguments that are no text and ids of the wrong kind are refused', async () => {
    const long = 'c'.repeat(65)
    expect(errorOf(await turn(withItems(call(long), output(long))))).toMatchObject({ status: 400, param: 'input[0].call_id', code: 'string_above_max_length' })
    expect(errorOf(await turn(withItems({ ...call('call_1'), arguments: {} }, output('call_1'))))).toMatchObject({ code: 'invalid_type', param: 'input[0].arguments' })
    expect(errorOf(await turn(withItems({ ...user('a'), id: 'rs_1' })))).toMatchObject({ param: 'input[0].id' })
    expect(errorOf(await turn(withItems({ ...user('a'), id: 'msg_1' }, { ...user('b'), id: 'msg_1' })))).toMatchObject({ code: 'duplicate_item' })
    expect(errorOf(await turn(withItems({ type: 'message', role: 'assistant', content: [{ type: 'input_text', text: 'x' }] })))).toMatchObject({ param: 'input[0].content[0]' })
    expect(errorOf(await turn(withItems({ type: 'nothing' })))).toMatchObject({ param: 'input[0]' })
  })

  test('an image is a web address or a data URL whose payload decodes, and the model must see', async () => {
    const pixel = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='
    expect((await turn(image(`data:image/png;base64,${pixel}`))).status).toBe(200)
    expect((await turn(image('https://example.com/a.png'))).status).toBe(200)
    for (const bad of ['data:text/plain;base64,aGk=', 'data:image/png,abc', 'data:image/png;base64,', 'data:image/png;base64,!!!!', 'data:image/png;base64,abc', 'nowhere']) {
      expect(errorOf(await turn(image(bad)))).toMatchObject({ status: 400, code: 'invalid_value', param: 'input[0].content[0].image_url' })
    }
    expect((await turn({ ...image('https://example.com/a.png'), model: 'gpt-5-text' })).status).toBe(400)
  })

  test('a reasoning item without its encrypted content is not found; with it, only its own account and family open it', async () => {
    const { twin } = signed
    expect(errorOf(await turn(withItems(user('a'), { type: 'reasoning', id: 'rs_1', summary: [] })))).toMatchObject({ status: 404 })
    const asked = ask('a', { reasoning: { effort: 'low' }, include: ['reasoning.encrypted_content'] })
    const [reasoning] = doneItems(readEvents((await turn(asked)).text))
    const again = ask('', { input: [user('a'), reasoning ?? {}, user('b')] })
    expect((await turn(again)).status).toBe(200)
    expect((await turn({ ...again, model: 'gpt-5.5-pro' })).status).toBe(200)
    expect(errorOf(await turn({ ...again, model: 'gpt-5.4' }))).toMatchObject({ status: 400, code: 'invalid_encrypted_content' })
    expect(errorOf(await turn(again, headersOf(twin.issueTokens({ accountId: 'acct_2' }))))).toMatchObject({ code: 'invalid_encrypted_content' })
    const sealed = String(reasoning?.['encrypted_content'])
    const tampered = { ...reasoning, encrypted_content: `${sealed.slice(0, -6)}AAAAAA` }
    expect(errorOf(await turn(withItems(tampered, user('b'))))).toMatchObject({ code: 'invalid_encrypted_content' })
  })
})

describe('quota', () => {
  test('an exhausted model answers usage_limit_reached until its reset, the others serve on', async () => {
    let now = 1_790_000_000_000
    const { twin, headers } = await signIn({ now: () => now, accessTokenTtlSeconds: 10_000 })
    const resetsAt = now / 1000 + 600
    twin.exhaust('gpt-5.5', resetsAt)
    const refused = await post(`${twin.baseUrl}/responses`, ask('a'), headers)
    expect(refused.json).toEqual({
      error: { type: 'usage_limit_reached', message: 'The usage limit has been reached', plan_type: 'plus', resets_at: resetsAt, resets_in_seconds: 600, limit_window_minutes: 300 },
    })
    expect([refused.status, refused.headers['x-codex-active-limit']]).toEqual([429, 'premium'])
    expect((await post(`${twin.baseUrl}/responses`, ask('a', { model: 'gpt-5.4' }), headers)).status).toBe(200)
    now += 600_000
    expect((await post(`${twin.baseUrl}/responses`, ask('a'), headers)).status).toBe(200)
    await twin.close()
  })
})

describe('door 2', () => {
  test('the plan lane has its own fields, tools and words', async () => {
    const { twin } = signed
    const bearer = { authorization: `Bearer ${twin.issueTokens({ lane: 'plan' }).access_token}` }
    const plan = (more: Json) => post(`${twin.apiBaseUrl}/responses`, ask('a', more), bearer)
    expect((await plan({ instructions: undefined })).status).toBe(200)
    for (const name of ['temperature', 'max_output_tokens', 'metadata', 'previous_response_id', 'prompt_cache_options', 'user', 'conversation']) {
      expect(await plan({ [name]: 1 })).toMatchObject({ status: 400, json: { detail: { code: 'subscription_sharing_unsupported_capability', param: name } } })
    }
    for (const more of [{ store: true }, { stream: false }, { tools: [{ type: 'file_search' }] }, { input: [{ role: 'system', content: 'x' }] }, { model: 'codex-auto-review' }]) {
      expect(await plan(more)).toMatchObject({ status: 400, json: { detail: { code: 'subscription_sharing_unsupported_capability' } } })
    }
    expect((await plan({ service_tier: 'priority', tools: [{ type: 'function', name: 'x' }, { type: 'web_search' }] })).status).toBe(200)
    expect(await post(`${twin.apiBaseUrl}/responses/compact`, {}, bearer)).toMatchObject({ status: 403, json: { detail: { code: 'subscription_sharing_route_not_supported' } } })
    expect((await send(`${twin.apiBaseUrl}/models?client_version=1.0.0`, { headers: bearer })).json).toHaveProperty('models')
    twin.exhaust('*', 4_000_000_000)
    expect(await plan({})).toMatchObject({ status: 429, json: { error: { code: 'subscription_sharing_usage_limit_exceeded' } } })
    twin.relieve()
  })

  test('a codex token, an expired plan token, one without the scope and a wrong key are refused each in its way', async () => {
    const { twin, headers } = signed
    const as = (token: string) => post(`${twin.apiBaseUrl}/responses`, ask('a'), { authorization: `Bearer ${token}` })
    expect(errorOf(await post(`${twin.apiBaseUrl}/responses`, ask('a'), headers))).toMatchObject({ status: 401, message: expect.stringContaining('Missing scopes: model.request') })
    expect(await as(twin.issueTokens({ lane: 'plan', expiresInSeconds: -1 }).access_token)).toMatchObject({ status: 401, json: { detail: { error_code: 'invalid_token' } } })
    expect(await as(twin.issueTokens({ lane: 'plan', scope: 'openid email' }).access_token)).toMatchObject({ status: 403, json: { detail: { code: 'chatpass_v2_scope_not_authorized' } } })
    expect(errorOf(await as('sk-wrong'))).toMatchObject({ status: 401, code: 'invalid_api_key' })
    expect((await post(`${twin.baseUrl}/responses`, ask('a'), headersOf(twin.issueTokens({ lane: 'plan' })))).status).toBe(401)
  })

  test('an API key has the public rules: no stream, kept responses, a system role, a token limit', async () => {
    const { twin } = signed
    const bearer = { authorization: `Bearer ${twin.issueApiKey()}` }
    const api = (body: Json) => post(`${twin.apiBaseUrl}/responses`, body, bearer)
    const first = await api({ model: 'gpt-5.5', input: 'hello', temperature: 0.5 })
    expect(first.json).toMatchObject({ object: 'response', status: 'completed', output: [{ content: [{ text: 'You said: hello' }] }] })
    expect((await api({ model: 'gpt-5.5', input: [{ role: 'system', content: 'x' }, user('b')], previous_response_id: first.json['id'] })).status).toBe(200)
    expect(errorOf(await api({ model: 'gpt-5.5', input: 'x', previous_response_id: 'resp_none' }))).toMatchObject({ code: 'previous_response_not_found' })
    expect((await api({ model: 'gpt-5.5', input: 'a long text', max_output_tokens: 2 })).json).toMatchObject({ status: 'incomplete', incomplete_details: { reason: 'max_output_tokens' } })
    expect(errorOf(await api({ model: 'gpt-0', input: 'x' }))).toMatchObject({ status: 404, code: 'model_not_found' })
    expect(errorOf(await api({ model: 'gpt-5.5', input: 'x', nonsense: 1 }))).toMatchObject({ code: 'unknown_parameter' })
    expect((await send(`${twin.apiBaseUrl}/models`, { headers: bearer })).json).toMatchObject({ object: 'list' })
    expect((await send(`${twin.apiBaseUrl}/files`, { headers: bearer })).status).toBe(404)
  })
})
