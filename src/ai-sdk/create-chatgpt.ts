import type { LanguageModelV3, ProviderV3 } from '@ai-sdk/provider'
import type { Provider } from '../contract/index.js'
import type { PlainConfig } from '../index.js'
import { createAbortListeners } from '../lib/index.js'
import { createLanguageModel } from './language-model.js'
import { noSuchModel } from './map-error.js'
import { createMountOnUse } from './mount-on-use.js'
import type { ChatGPTOptions } from './options.js'

export interface ChatGPT extends ProviderV3 {
  /** A model by its name, with or without effort (`gpt-5.5:high`), or a role as `role:coding`. */
  (modelId: string): LanguageModelV3
  languageModel(modelId: string): LanguageModelV3
  /** A model that resolves the roles, tried in order, through the mounted matrix with every call. */
  role(...roles: [string, ...string[]]): LanguageModelV3
  /** The mounted provider: what the AI SDK has no word for. @throws LoadAPIKeyError where nobody is signed in */
  provider(): Promise<Provider>
  /** Ends running calls and every connection; twice without harm. */
  close(): Promise<void>
}

/** As below, with options from elsewhere: a record whose keys the compiler does not know. */
export function createChatGPT<Config extends Record<string, unknown>>(options: ChatGPTOptions<Config & PlainConfig<Config>>): ChatGPT
/**
 * A provider for the AI SDK. Nothing is mounted, read or opened before the first call; a mount that failed
 * is tried again with the next one, so that a sign-in in between is enough.
 */
export function createChatGPT(options?: ChatGPTOptions): ChatGPT
export function createChatGPT(options: ChatGPTOptions<Record<string, unknown>> = {}): ChatGPT {
  const mount = createMountOnUse(options)
  const retriesInside = options.config?.['max_retries'] !== 0
  const terms = { open: mount.open, now: options.now ?? Date.now, retriesInside, lane: String(options.config?.['lane'] ?? 'codex'), aborts: createAbortListeners() }
  const role = (...roles: string[]) => createLanguageModel({ ...terms, modelId: `role:${roles.join(',')}`, roles })
  const languageModel = (modelId: string): LanguageModelV3 =>
    modelId.startsWith('role:')
      ? role(...modelId.slice('role:'.length).split(',').map((name) => name.trim()).filter(Boolean))
      : createLanguageModel({ ...terms, modelId })
  return Object.assign((modelId: string) => languageModel(modelId), {
    specificationVersion: 'v3' as const,
    languageModel,
    role,
    embeddingModel(modelId: string): never {
      throw noSuchModel(modelId, 'embeddingModel')
    },
    imageModel(modelId: string): never {
      throw noSuchModel(modelId, 'imageModel')
    },
    provider: mount.open,
    close: mount.close,
  })
}
