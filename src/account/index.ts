/**
 * account/ owns what the signed-in account has: its models, its quota, how many calls it bears at once.
 * It refuses to know who asks for what: no provider, no role, no prompt; and it makes no call but
 * questions about the account: its model list and its usage.
 */
export { createAccountUsage } from './account-usage.js'
export type { AccountUsage, AccountUsageReader, ResetRedemption } from './account-usage.js'
export type { WindowPace } from './estimate-pace.js'
export { createCatalog } from './catalog.js'
export type { Catalog, CatalogOptions, CatalogSnapshot } from './catalog.js'
export { DEFAULT_CONTEXT_WINDOW } from './catalog-model.js'
export type { CatalogModel } from './catalog-model.js'
export { buildFallbackModels } from './fallback-models.js'
export { createConcurrencyLimiter } from './concurrency-limiter.js'
export type { AcquireOptions, ConcurrencyLimiter, ConcurrencyLimiterOptions } from './concurrency-limiter.js'
export type { Exhaustion, Verdict } from './quota-exhaustion.js'
export { clientHeaders } from './client-headers.js'
export { createModelsFetcher } from './fetch-models.js'
export type { FetchModelsOptions } from './fetch-models.js'
export { describeModel, findModel, LATEST, latestModel, nearestModels } from './find-model.js'
export { toModelInfos } from './model-infos.js'
export type { Persisted } from './persisted.js'
export { createQuota } from './quota.js'
export type { Quota, QuotaOptions, WindowOutlook } from './quota.js'
export { createStateFile, defaultStatePath } from './state-file.js'
export type { StateFile, StateFileOptions } from './state-file.js'
