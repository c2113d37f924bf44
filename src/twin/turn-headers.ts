import type { TwinContext } from './context.js'
import type { Grant } from './token-ledger.js'

/** What rides on every answer of the model endpoints. */
export function buildTurnHeaders(context: TwinContext, grant: Grant, turnState: string | undefined): Record<string, string> {
  const requestId = context.ids.next('req')
  const common = { 'x-request-id': requestId, 'x-oai-request-id': requestId }
  if (grant.lane === 'api_key') return common
  const etag = { 'x-models-etag': context.models.etag() }
  if (grant.lane === 'plan') return { ...common, ...etag }
  return {
    ...common, ...etag, ...context.quota.headers(), 'x-reasoning-included': 'true',
    'x-codex-turn-state': turnState ?? context.ids.secret('ts_', 24),
  }
}
