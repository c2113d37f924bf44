/** Tokens by size (four characters each), and the prompt cache: hits are real common prefixes under one key. */
import { keepNewest } from '../lib/index.js'
import type { TwinBehaviour } from './behaviour.js'

export interface Usage extends Record<string, unknown> {
  input_tokens: number
  input_tokens_details: { cached_tokens: number }
  output_tokens: number
  output_tokens_details: { reasoning_tokens: number }
  total_tokens: number
}

export interface PromptCount {
  inputTokens: number
  cachedTokens: number
}

export interface UsageMeter {
  /** Counts the prompt, and remembers it for those that come after. `parts` in the order the model reads them. */
  count(prompt: { accountId: string; model: string; cacheKey: string | undefined; parts: readonly string[] }): PromptCount
  /** an item's JSON, made once */
  textOf(item: Record<string, unknown>): string
}

const CHARS_PER_TOKEN = 4
/** Threads under one key: a session's children may share its key. */
const REMEMBERED_PROMPTS = 32
/** A prompt that goes on from so much of another one takes its place. */
const SAME_THREAD = 0.9
/** Cache keys; the real cache forgets too, and a twin that serves for hours must not grow. */
const REMEMBERED_KEYS = 32
const IMAGE_CHARACTERS = 4096

export const tokensOf = (characters: number): number => Math.ceil(characters / CHARS_PER_TOKEN)

export function createUsageMeter(behaviour: TwinBehaviour): UsageMeter {
  const remembered = new Map<string, (readonly string[])[]>()
  const texts = new WeakMap<object, string>()
  const remember = (key: string, prompts: (readonly string[])[]) => keepNewest(remembered, key, prompts, REMEMBERED_KEYS)
  return {
    count({ accountId, model, cacheKey, parts }) {
      const key = `${accountId}\n${model}\n${cacheKey ?? ''}`
      const before = remembered.get(key) ?? []
      const shared = before.map((prompt) => countCommonPrefix(prompt, parts))
      const longest = Math.max(0, ...shared)
      const others = before.filter((prompt, index) => (shared[index] ?? 0) < SAME_THREAD * lengthOf(prompt))
      const { minTokens, stepTokens } = behaviour.promptCache
      const hit = Math.floor(Math.floor(longest / CHARS_PER_TOKEN) / stepTokens) * stepTokens
      const total = tokensOf(lengthOf(parts))
      // A prompt that is shorter than any hit can make none.
      if (total >= minTokens) remember(key, [parts, ...others].slice(0, REMEMBERED_PROMPTS))
      return { inputTokens: total, cachedTokens: hit < minTokens ? 0 : Math.min(hit, total) }
    },
    textOf(item) {
      const known = texts.get(item)
      if (known !== undefined) return known
      const text = JSON.stringify(item, shortenImage)
      texts.set(item, text)
      return text
    },
  }
}

function lengthOf(parts: readonly string[]): number {
  return parts.reduce((sum, part) => sum + part.length, 0)
}

/** An image counts by its size in pixels, not by its bytes: about a thousand tokens, and another image is another text. */
function shortenImage(_key: string, value: unknown): unknown {
  if (typeof value !== 'string' || value.length < IMAGE_CHARACTERS || !value.startsWith('data:image/')) return value
  return value.slice(0, IMAGE_CHARACTERS / 2) + value.slice(-IMAGE_CHARACTERS / 2)
}

/** Characters that two prompts share from their start on. */
function countCommonPrefix(one: readonly string[], other: readonly string[]): number {
  let shared = 0
  for (const [index, part] of one.entries()) {
    const against = other[index]
    if (against === undefined) return shared
    if (part === against) {
      shared += part.length
      continue
    }
    let at = 0
    while (at < part.length && at < against.length && part.charCodeAt(at) === against.charCodeAt(at)) at++
    return shared + at
  }
  return shared
}
