import { suggestName } from '../config/index.js'
import { parseModelName, type JsonObject } from '../contract/index.js'
import type { Endpoint, Exchange } from './endpoint.js'
import { HttpFailure, toHttpFailure } from './http-failure.js'

/** The known name nearest to one that is not there. */
export function suggestModel(name: string, known: readonly string[]): string | undefined {
  const plain = (text: string): string => text.replaceAll('-', '_')
  const meant = suggestName(plain(name), known.map(plain))
  return known.find((candidate) => plain(candidate) === meant)
}

async function listNames({ provider, roles }: Endpoint): Promise<string[]> {
  return [...(await provider.listModels()).map(({ id }) => id), ...roles.map((role) => `role:${role}`)]
}

/** `GET /v1/models`: the account's models, and the roles as `role:NAME`. */
export async function listModels(endpoint: Endpoint): Promise<JsonObject> {
  return { object: 'list', data: (await listNames(endpoint)).map((id) => describe(endpoint, id)) }
}

/** `GET /v1/models` as clients of the Messages dialect read it. */
export async function listMessageModels(endpoint: Endpoint): Promise<JsonObject> {
  const data = (await listNames(endpoint)).map((id) => describeMessageModel(endpoint, id))
  return { data, has_more: false, first_id: data[0]?.id ?? null, last_id: data.at(-1)?.id ?? null }
}

const describeMessageModel = ({ now }: Endpoint, id: string): JsonObject => ({ type: 'model', id, display_name: id, created_at: new Date(now()).toISOString() })

function describe({ provider, now }: Endpoint, id: string): JsonObject {
  return { id, object: 'model', created: Math.floor(now() / 1000), owned_by: provider.name }
}

/** `GET /v1/models/{id}`. @throws HttpFailure 404 with the nearest name */
export async function findModel(endpoint: Endpoint, id: string): Promise<JsonObject> {
  const names = await listNames(endpoint)
  if (names.includes(id) || endpoint.roles.includes(id)) return describe(endpoint, id)
  throw notThere(id, suggestModel(id, [...names, ...endpoint.roles]))
}

/**
 * Refuses a name that a call would be refused for; nothing where the list cannot be had.
 * @throws HttpFailure 404 with the nearest name
 */
export async function checkModel(endpoint: Endpoint, name: string): Promise<void> {
  const names = await listNames(endpoint).catch(() => undefined)
  if (!names || names.includes(name) || endpoint.roles.includes(name) || names.includes(parseModelName(name).slug)) return
  const roles = /^role:(.+)$/.exec(name)?.[1]?.split(',').map((role) => role.trim())
  if (roles && (endpoint.roles.length === 0 || roles.every((role) => endpoint.roles.includes(role)))) return
  throw notThere(name, suggestModel(name, [...names, ...endpoint.roles]))
}

function notThere(id: string, meant: string | undefined): HttpFailure {
  return new HttpFailure(404, `There is no model ${JSON.stringify(id)}.${meant ? ` Did you mean ${meant}?` : ''} GET /v1/models lists what there is.`, {
    type: 'not_found_error', code: 'model_not_available', param: 'model', headers: { 'x-error-kind': 'NotFoundError' },
  })
}

/** A call's failure in the dialect: why the server cut it, or a model that is not there with the nearest name, roles among them. */
export async function explainFailure({ endpoint, signal, note: { model } }: Exchange, error: unknown): Promise<HttpFailure> {
  const failure = toHttpFailure(signal.reason instanceof HttpFailure ? signal.reason : error)
  if (failure.status !== 404 || failure.fields.code !== 'model_not_available' || model === undefined) return failure
  const names = await listNames(endpoint).catch(() => [])
  return notThere(model, suggestModel(model, [...names, ...endpoint.roles]))
}
