import { parseRoleName, type CallOptions, type ChatRequest, type ResponseStream } from '../contract/index.js'
import type { Exchange } from './endpoint.js'
import { nameClient } from './client-names.js'
import { HttpFailure, badRequest } from './http-failure.js'
import { listIds, suggestModel } from './model-names.js'

/**
 * Starts the call that a model name asks for: a model of the account, `role:NAME` (several parted by commas), or the
 * plain name of a role that no model has.
 * @throws HttpFailure 400 without a name, 404 for a role that is not there
 */
export async function startCall(exchange: Exchange, request: ChatRequest, model: unknown, options: Pick<CallOptions, 'onBlocks'> = {}): Promise<ResponseStream> {
  const { endpoint, signal, note } = exchange
  const name = readModelName(model)
  note.model = name
  const callOptions: CallOptions = {
    signal,
    interactive: true,
    onWireEvents(_events, source) {
      note.route ??= source.route
    },
    ...(exchange.trace ? { trace: exchange.trace } : {}),
    ...options,
  }
  const roles = await findRoles(exchange, name)
  if (roles) note.role = roles.join(', ')
  const named = nameClient(exchange, request)
  return roles ? endpoint.provider.delegate(roles, named, callOptions) : endpoint.provider.stream({ model: name, ...named }, callOptions)
}

/** @throws HttpFailure 400 where a request names no model */
export function readModelName(model: unknown): string {
  if (typeof model !== 'string' || model === '') throw badRequest('model is missing: name one of /v1/models, or role:NAME', 'model')
  return model
}

async function findRoles(exchange: Exchange, model: string): Promise<string[] | undefined> {
  const { endpoint } = exchange
  const named = parseRoleName(model)
  if (named) {
    const unknown = named.find((role) => endpoint.roles.length > 0 && !endpoint.roles.includes(role))
    if (unknown === undefined) return named
    const meant = suggestModel(`role:${unknown}`, endpoint.roles.map((role) => `role:${role}`))
    throw new HttpFailure(404, `There is no role ${JSON.stringify(unknown)}.${meant ? ` Did you mean ${meant}?` : ''} GET /v1/models lists what there is.`, {
      type: 'not_found_error', code: 'role_not_found', param: 'model', headers: { 'x-error-kind': 'NotFoundError' },
    })
  }
  if (!endpoint.roles.includes(model)) return undefined
  return (await listIds(exchange))?.includes(model) ? undefined : [model]
}
