import { defined, isRecord, parseJson } from '../lib/index.js'
import { createBackendAsker, type AskBackendOptions } from './ask-backend.js'

export interface FetchModelsOptions extends Omit<AskBackendOptions, 'timeoutMs'> {
  baseUrl: string
  /** a plain triple; what is too low hides newer models */
  clientVersion: string
}

/** The official client's own limit for the listing. */
const LISTING_TIMEOUT_MS = 5_000

/** Asks the backend for the account's models, retried like any other call. @throws LLMError */
export function createModelsFetcher(options: FetchModelsOptions): (signal?: AbortSignal) => Promise<{ models: unknown[]; etag?: string }> {
  const ask = createBackendAsker({ ...options, timeoutMs: LISTING_TIMEOUT_MS })
  const url = `${options.baseUrl}/models?client_version=${encodeURIComponent(options.clientVersion)}`
  return (signal) => ask({
    method: 'GET',
    url,
    decode({ body: text, headers: { etag } }) {
      const body = parseJson(text)
      // The Codex backend and the plan route answer `models`, the public API `data`.
      const models = isRecord(body) ? (Array.isArray(body.models) ? body.models : body.data) : undefined
      return Array.isArray(models) ? { models: models as unknown[], ...defined({ etag }) } : undefined
    },
    malformed: { message: 'The model list that the server answered is not in a form this version knows.', code: 'malformed_models' },
  }, signal)
}
