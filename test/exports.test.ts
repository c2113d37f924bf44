import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'

/** What each door of the package hands out by name. Another name is a promise: it is made here first. */
const PUBLIC: Record<string, string> = {
  '.': 'AbortError AccessDeniedError AuthenticationError ConfigurationError ContentFilterError ContextLengthError EVENTS InvalidRequestError InvalidToolCallError LLMError LLMTimeoutError NetworkError NotFoundError OBSERVABILITY_EVENTS ProviderUnavailableError QuotaExceededError RateLimitError StreamError createModule default getProvider isLLMError mount onSessionReady providerConfigFields',
  './host': 'createHost',
  './grpc': 'createGrpcDoor createGrpcServer',
  './routing': 'KNOWN_ROLES RESOLVER_CAPABILITY ROUTING_CAPABILITY buildCallRecord checkCandidateConfig clampsTier composeEffectiveMatrix composeMatrix createModelRoleResolver deriveCallerContext diffMatrices findHaikuProblems findHookConfig findMount findPresetProblems formatRoutingContext installRouting isActive isGlob isServable lintMatrix listConfigErrors listMatrices listMatrixErrors loadMatrix matchesGlob mountRoutingHook originOf parsePreset planCandidates planEntries rankModels readHookConfig readMatrixSource readRecording reassertRolePin replayRecording resolveMatrixSource rungOf stripInertConfig validateMatrix viewMounts',
  './config': 'MODULE_ID ORIGIN USER_ONLY_OPTIONS admitCallerConfig admitWritten attachOrigins buildMountPlan configSchema describeFinding describeOrigin expandVariables isOurModule judgeConfig listOptionNames listOrigins loadBundle loadSettings mergeMountConfig originOf originsOf resolveOptions suggestName validateBundle',
  './responses': 'buildItemId buildResponseUsage createChatCompletionChunkMapper createResponseEventMapper createResponseWriter createStreamTranslator decodeEvent judgeField packReasoning responseToEvents toChatCompletion toResponseStreamEvents toStreamEvents toWireTier unpackReasoning',
  './twin': 'CODEX_CLIENT_ID DIRECT_SCOPE PLAN_SCOPE buildDefaultModels startTwin',
  './ai-sdk': 'createChatGPT readRoute',
  './conformance': 'CHECK_NAMES FAULTS compareDoors formatComparison formatConformance openModule readFailure runConformance runModuleConformance',
}

/** package.json's exports as files of src/. */
const { exports } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { exports: Record<string, { default: string } | string> }
const sources = Object.entries(exports).flatMap(([door, target]) =>
  typeof target === 'string' ? [] : [{ door, file: target.default.replace('./dist/', '../src/').replace(/\.js$/, '.ts') }])

describe('the package', () => {
  test('has the doors the contract names', () => {
    for (const door of Object.keys(PUBLIC)) expect(sources.map((source) => source.door)).toContain(door)
  })

  test.each(sources.filter(({ door }) => door in PUBLIC))('$door hands out exactly its names', async ({ door, file }) => {
    const names = Object.keys((await import(file)) as object).sort()
    expect(names).toEqual((PUBLIC[door] ?? '').split(' ').sort())
  })
})
