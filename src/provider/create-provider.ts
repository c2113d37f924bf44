import { toModelInfos, type CatalogSnapshot, type WindowOutlook } from '../account/index.js'
import type { CallOptions, ChatRequest, ChatResponse, LaneName, ModelInfo, Provider, ResponseStream, ToolCall } from '../contract/index.js'
import { createStamp, defined } from '../lib/index.js'
import { runDelegation } from './delegate.js'
import type { ProviderDeps } from './deps.js'
import { createCallStreams } from './response-stream.js'
import { createModelChooser } from './choose-model.js'
import { compact, createCompactor, type Checkpoint } from './compaction.js'
import { createEmitter } from './emitter.js'
import { BackendClient } from './backend-client.js'
import { createRawApi, type RawApi } from './raw-api.js'
import { buildProviderInfo } from './provider-info.js'
import { createConversationNamer } from './name-conversation.js'
import { RequestBuilder } from './request-builder.js'
import { TurnStateStore } from './turn-state-store.js'
import { warmUp } from './warm-up.js'
import { runCall } from './run-call.js'
import type { ProviderContext } from './provider-context.js'

/** The provider protocol, delegation, and the doors for those who want the wire itself. */
export interface ChatGPTProvider extends Provider, RawApi {
  /**
   * Opens a connection while the host still assembles the prompt. With a request (instructions, tools and
   * settings as the first call will have them) that call sends its messages alone. Never throws: a warm-up
   * that fails costs its time only.
   */
  warmUp(request?: ChatRequest, options?: { signal?: AbortSignal }): Promise<void>
  /**
   * Makes a checkpoint of the request's messages by a call of its own: a message that goes into a history in place of those
   * that the host lets go, readable only to the same account, lane and model family. Nothing streams, no tool runs, and
   * the host's history is as it was. @throws InvalidRequestError where the lane makes none, StreamError `invalid_checkpoint`
   */
  compact(request: ChatRequest, options?: CallOptions): Promise<Checkpoint>
  /** What the next call would go over, and why. */
  transportChoice(): { kind: 'sse' | 'websocket'; reason: string }
  /**
   * The mount's config, without what only its user may set: no secret stands here. Hosts' role pins and loops write to it;
   * it counts from the next call, within what a project may set. The next three are its own, read and written as one.
   */
  readonly config: Record<string, unknown>
  priority: number
  default_model: string
  /** undefined where the model's own default counts */
  reasoning_effort: string | undefined
  /**
   * Who is signed in: the account's short hash (absent where nobody is), and the lane that calls take; `refused` says why the sign-in has ended,
   * where the server refused for good to refresh it. Asks nobody.
   */
  signedIn(options?: { signal?: AbortSignal }): Promise<{ account?: string; lane: LaneName; refused?: string }>
  /**
   * What is known of the account now: its windows with their pace, and how many calls it bears at a time. Asks nobody.
   * @param options `samples`: with what each pace is estimated from; default true
   */
  accountView(options?: { samples?: boolean }): { windows: WindowOutlook[]; concurrency: { limit: number; running: number; waiting: number } }
}

/**
 * The provider of one mount. Opens and reads nothing before its first call; `close()` ends all that run.
 * @param deps of this mount alone, but for the parts that are shared themselves; times in ms
 */
export function createProvider(deps: ProviderDeps): ChatGPTProvider {
  const { mountName } = deps
  const requests = new RequestBuilder(deps.warn, createConversationNamer(deps.session, deps.lineage))
  const context: ProviderContext = {
    deps,
    emitter: createEmitter(deps.hooks, deps.redactor, deps.warn),
    client: new BackendClient(deps),
    turnStates: new TurnStateStore(),
    chooseModel: createModelChooser(mountName),
    requests,
    compactor: createCompactor(deps, requests), stamp: createStamp(deps.now),
  }
  const describeModels = createModelDescriber()
  const calls = createCallStreams(deps)

  const stream = (request: ChatRequest, options: CallOptions = NO_OPTIONS): ResponseStream =>
    calls.open(options, (signal, deliver) => runCall(context, { request, options, signal }, deliver))

  const { config } = deps
  const provider: ChatGPTProvider = {
    name: mountName,
    config,
    get priority() { return deps.settings.priority ?? UNSAID_PRIORITY },
    set priority(value) { config['priority'] = value },
    get default_model() { return deps.settings.defaultModel },
    set default_model(value) { config['default_model'] = value },
    get reasoning_effort() { return deps.settings.reasoningEffort },
    set reasoning_effort(value) { config['reasoning_effort'] = value },
    getInfo: () => buildProviderInfo(mountName, deps.credentials.lane, deps.settings, deps.catalog.peek()),
    listModels: async (options = {}) => {
      try {
        return describeModels(requireList(deps.catalog.fresh() ?? (await calls.ask(options, (signal) => deps.catalog.list({ signal })))))
      } catch (error) {
        throw deps.redactor.error(error)
      }
    },
    stream,
    complete: (request, options) => stream(request, options).response(),
    parseToolCalls,
    delegate: (roles, request, options = {}) =>
      calls.open(options, (signal, deliver) =>
        runDelegation(context, { roles: typeof roles === 'string' ? [roles] : roles, request, options, signal, self: provider }, deliver)),
    ...createRawApi(context, calls),
    compact: (request, options = {}) => compact(deps, request, options, (asked, given) =>
      calls.open(given, (signal, deliver) => runCall(context, { request: asked, options: given, signal, asCheckpoint: true }, deliver))),
    warmUp: (request, options) => warmUp(context, request, options),
    transportChoice: () => context.client.choice(),
    signedIn: (options = {}) => describeSignIn(deps, (ask) => calls.ask(options, ask)),
    accountView({ samples = true } = {}) {
      const { limit, running, waiting } = deps.limiter
      return { windows: deps.quota.outlook({ samples }), concurrency: { limit, running, waiting } }
    },
    async close() {
      calls.close()
      context.client.close()
    },
  }
  return provider
}

/** @param ask waits as long as the caller's options allow */
async function describeSignIn({ credentials }: ProviderDeps, ask: <Value>(question: () => Promise<Value>) => Promise<Value>): ReturnType<ChatGPTProvider['signedIn']> {
  const serving = credentials.held()
  const credential = serving ?? (await ask(() => credentials.peek()))
  const refused = serving ? undefined : await ask(() => credentials.refusal())
  return { lane: credentials.lane, ...(credential && { account: credential.accountKey }), ...defined({ refused }) }
}

/** One for all: a call holds its options for as long as it waits. */
const NO_OPTIONS: CallOptions = Object.freeze({})

/** What hosts take a provider for that says no priority. */
const UNSAID_PRIORITY = 100

/** The built-in names stand for a service that is away, not for a sign-in that is missing; the plan has none. */
function requireList(snapshot: CatalogSnapshot): CatalogSnapshot {
  const { source, failure, models } = snapshot
  if (source === 'fallback' && failure && (models.length === 0 || failure.name === 'AuthenticationError')) throw failure
  return snapshot
}

/**
 * Describes a list once for as long as it says the same: code that compares lists by identity, as the
 * routing's memory of matches does, finds its own again.
 */
function createModelDescriber(): (snapshot: CatalogSnapshot) => ModelInfo[] {
  let last: { snapshot: CatalogSnapshot; infos: ModelInfo[] } | undefined
  return (snapshot) => {
    const known = last?.snapshot
    if (last && known?.models === snapshot.models && known.source === snapshot.source && known.ageSeconds === snapshot.ageSeconds) return last.infos
    last = { snapshot, infos: toModelInfos(snapshot) }
    return last.infos
  }
}

/** The response's tool calls; a response that has only blocks is read by its blocks. */
function parseToolCalls(response: ChatResponse): ToolCall[] {
  if (response.tool_calls) return response.tool_calls
  return response.content.flatMap((block) =>
    block.type === 'tool_call' ? [{ id: block.id, name: block.name, arguments: block.input }] : [])
}
