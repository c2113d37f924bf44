import type { ChatRequest } from '../contract/index.js'
import { openCall } from './call.js'
import { provenanceOf } from './request-builder.js'
import type { ProviderContext } from './provider-context.js'

/** A warm-up is worth no longer wait than the call it spares one. */
const LIMIT_MS = 10_000

/** Opens a connection ahead of the first call; see `ChatGPTProvider.warmUp`. */
export async function warmUp(context: ProviderContext, request: ChatRequest | undefined, options: { signal?: AbortSignal } = {}): Promise<void> {
  const { deps, client } = context
  const limit = AbortSignal.timeout(LIMIT_MS)
  const signal = options.signal ? AbortSignal.any([options.signal, limit]) : limit
  try {
    const credential = await deps.credentials.current({ signal })
    if (!request) {
      await client.warmUp(credential, undefined, signal)
      return
    }
    const model = context.chooseModel(request, await deps.catalog.list({ signal }), deps.settings)
    const call = Object.assign(openCall(deps, { request, options: {}, signal }), { model })
    const { built, conversation } = context.requests.build(call, provenanceOf(credential, model), context.compactor.threshold(call))
    await client.warmUp(credential, {
      built, credential, conversation, signal, timeouts: { connectMs: deps.settings.connectTimeoutMs, idleMs: LIMIT_MS }, httpOnly: false,
    }, signal)
  } catch {
    // The call itself will say what is wrong, in its own events.
  }
}
