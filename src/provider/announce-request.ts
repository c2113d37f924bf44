import { isRecord, parseJson, readString } from '../lib/index.js'
import { serializeRequest, type BuiltRequest } from '../responses/index.js'
import type { ProviderContext } from './provider-context.js'
import type { Turn } from './turn.js'

/** Tells the host of the request, and of what had to be repaired in it: in the first attempt alone. */
export function announceRequest({ deps, emitter }: ProviderContext, turn: Turn, built: BuiltRequest): Promise<unknown> | undefined {
  const repairs = turn.built ?? turn.continuation ? [] : built.repairs
  turn.built = built
  const effort = effortOf(built)
  if (effort !== undefined) turn.call.route.effort = effort
  const request = () => turn.span.announce(deps.settings.raw ? parseJson(serializeRequest(built)) : undefined)
  if (repairs.length === 0) return request()
  return Promise.resolve(emitter.emit('toolSequenceRepaired', {
    provider: deps.mountName, repair_count: repairs.length, repairs: [...repairs],
  })).then(request)
}

function effortOf({ fields: { reasoning } }: BuiltRequest): string | undefined {
  return isRecord(reasoning) ? readString(reasoning, 'effort') : undefined
}
