import type { ChatRequest } from '../contract/index.js'
import type { Call } from './call.js'
import { provenanceOf } from './run-attempt.js'
import type { Workshop } from './workshop.js'

/** A warm-up is worth no longer wait than the call it spares one. */
const LIMIT_MS = 10_000

/** Opens a connection ahead of the first call; see `ChatGPTProvider.warmUp`. */
export async function warmUp(workshop: Workshop, request: ChatRequest | undefined, options: { signal?: AbortSignal } = {}): Promise<void> {
  const { deps, exchanges } = workshop
  const limit = AbortSignal.timeout(LIMIT_MS)
  const signal = options.signal ? AbortSignal.any([options.signal, limit]) : limit
  try {
    const credential = await deps.credentials.current({ signal })
    if (!request) {
      await exchanges.warmUp(credential, undefined, signal)
      return
    }
    const call = await describeCall(workshop, request, signal)
    const { built, conversation } = workshop.builder.build(call, provenanceOf(credential, call.model))
    await exchanges.warmUp(credential, {
      built, credential, conversation, signal, clocks: { connectMs: deps.settings.connectTimeoutMs, idleMs: LIMIT_MS }, httpOnly: false,
    }, signal)
  } catch {
    // The call itself will say what is wrong, in its own events.
  }
}

async function describeCall({ deps, chooseModel }: Workshop, request: ChatRequest, signal: AbortSignal): Promise<Call> {
  const model = chooseModel(request, await deps.catalog.list({ signal }), deps.settings)
  return {
    request, options: {}, requestedModel: model.requested, settings: deps.settings, signal, model,
    budget: { left: 0, max: 0 }, hasAlternative: false, delegated: false, dropReasoning: false, httpOnly: false, outputSeen: false, continuing: false, retries: 0,
    route: {
      requested_model: model.requested, resolved_model: model.slug, served_model: 'unknown', provider: deps.mountName, lane: deps.credentials.lane,
      billing: deps.credentials.billing, attempts: [], transport: 'websocket', transport_reason: 'warm-up',
    },
  }
}
