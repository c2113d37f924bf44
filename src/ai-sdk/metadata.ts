import type { LanguageModelV3ResponseMetadata, LanguageModelV3Usage, SharedV3ProviderMetadata } from '@ai-sdk/provider'
import type { ChatResponse, HostedBlock, JsonObject, RouteReceipt, ThinkingBlock, Usage } from '../contract/index.js'
import { defined, isRecord, readString } from '../lib/index.js'

/** Our name in provider metadata and in `providerOptions`. */
export const METADATA_KEY = 'openai-chatgpt'
/** Shorter name for `providerOptions`. */
const SHORT_KEY = 'chatgpt'

/** `data` under our name, as the JSON it will be kept as. */
export function wrapMetadata(data: JsonObject): SharedV3ProviderMetadata {
  return JSON.parse(JSON.stringify({ [METADATA_KEY]: data })) as SharedV3ProviderMetadata
}

/** Ours of a call's or a part's `providerOptions`, under either name. */
export function readOurs(options: unknown): JsonObject {
  if (!isRecord(options)) return {}
  const [short, long] = [options[SHORT_KEY], options[METADATA_KEY]]
  return { ...(isRecord(short) ? short : {}), ...(isRecord(long) ? long : {}) }
}

/** The route receipt and what else the AI SDK has no field for. */
export function buildResponseMetadata(response: ChatResponse): SharedV3ProviderMetadata {
  const { metadata, degradation } = response
  return wrapMetadata({ ...metadata, ...(degradation ? { degradation } : {}) })
}

/**
 * The route receipt of an answer: role, model asked for, model that served, attempts. The AI SDK's own type of metadata says
 * only that it is JSON.
 * @param providerMetadata of a result or a step, awaited
 * @returns undefined where another provider answered
 */
export function readRoute(providerMetadata: unknown): RouteReceipt | undefined {
  const { route } = readOurs(providerMetadata)
  return isRecord(route) && typeof route['requested_model'] === 'string' ? (route as unknown as RouteReceipt) : undefined
}

export function buildResponseIdentity(response: ChatResponse, modelId: string, nowMs: number): LanguageModelV3ResponseMetadata {
  const { metadata } = response
  const route: unknown = metadata?.['route']
  const served = isRecord(route) ? readString(route, 'served_model') : undefined
  const resolved = isRecord(route) ? readString(route, 'resolved_model') : undefined
  const id = metadata ? readString(metadata, 'response_id') : undefined
  return {
    ...defined({ id }),
    modelId: served === undefined || served === 'unknown' ? (resolved ?? modelId) : served,
    timestamp: new Date(nowMs),
  }
}

/** Ours count input gross, cached tokens included; so do the AI SDK's totals. */
export function mapUsage(usage: Usage | null | undefined): LanguageModelV3Usage {
  const cacheRead = usage?.cache_read_tokens ?? undefined
  const reasoning = usage?.reasoning_tokens ?? undefined
  const cacheWrite = usage?.cache_write_tokens ?? undefined
  return {
    inputTokens: {
      total: usage?.input_tokens,
      noCache: usage ? Math.max(0, usage.input_tokens - (cacheRead ?? 0) - (cacheWrite ?? 0)) : undefined,
      cacheRead,
      cacheWrite,
    },
    outputTokens: { total: usage?.output_tokens, text: usage ? Math.max(0, usage.output_tokens - (reasoning ?? 0)) : undefined, reasoning },
    ...(usage ? { raw: JSON.parse(JSON.stringify(usage)) as LanguageModelV3Usage['raw'] } : {}),
  }
}

/** A thinking block, or a hosted item, and its place among the visible parts of its answer. */
export interface PlacedThought {
  at: number
  block: ThinkingBlock | HostedBlock
}

export function readThoughts(options: unknown): PlacedThought[] {
  const thoughts: unknown = readOurs(options)['thoughts']
  if (!Array.isArray(thoughts)) return []
  return (thoughts as unknown[]).flatMap((entry): PlacedThought[] => {
    const block = isRecord(entry) ? entry['block'] : undefined
    if (!isRecord(entry) || typeof entry['at'] !== 'number' || !isRecord(block)) return []
    const { item, content } = block
    if (isRecord(item)) return [{ at: entry['at'], block: { type: 'hosted' as const, item, ...(Array.isArray(content) ? { content } : {}) } }]
    if (typeof block['thinking'] !== 'string') return []
    return [{ at: entry['at'], block: { ...block, type: 'thinking' as const, thinking: block['thinking'] } }]
  })
}
