import type { RouteReceipt } from '../contract/index.js'
import type { ProviderDeps } from './deps.js'

/** The receipt of a call before anything was sent. @param known of its route: both models, and whatever differs from a call of this mount */
export function createReceipt(
  { mountName, credentials: { lane, billing } }: ProviderDeps, known: Pick<RouteReceipt, 'requested_model' | 'resolved_model'> & Partial<RouteReceipt>,
): RouteReceipt {
  return { served_model: 'unknown', provider: mountName, lane, billing, attempts: [], transport: 'sse', transport_reason: 'not sent', ...known }
}
