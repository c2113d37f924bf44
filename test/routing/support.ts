import { readFileSync } from 'node:fs'
import type { ModelInfo } from '../../src/contract/index.js'
import { createModelRoleResolver, type MatrixRoles, type ModelRoleResolverOptions, type MountedProviders } from '../../src/routing/index.js'

const fixtures = new URL('../fixtures/routing/', import.meta.url)

export function readFixture(name: string): unknown {
  return JSON.parse(readFileSync(new URL(name, fixtures), 'utf8')) as unknown
}

export function modelInfo(id: string, source = 'live'): ModelInfo {
  return {
    id, display_name: id, context_window: 272_000, max_output_tokens: 128_000, capabilities: [], defaults: {},
    metadata: { source },
  }
}

/** A provider that counts how often it was asked for its list. */
export function listingProvider(ids: readonly string[], source = 'live') {
  return {
    asked: 0,
    models: ids.map((id) => modelInfo(id, source)),
    async listModels() {
      this.asked += 1
      return this.models
    },
  }
}

export function failingProvider(message = 'the list could not be had') {
  return { listModels: (): Promise<never> => Promise.reject(new Error(message)) }
}

export const candidate = (model: string, config?: Record<string, unknown>, provider = 'openai-chatgpt') =>
  config === undefined ? { provider, model } : { provider, model, config }

export const role = (...candidates: { provider: string; model: string; config?: Record<string, unknown> }[]) => ({
  description: 'a role', candidates,
})

export type ResolverSettings = Omit<ModelRoleResolverOptions, 'matrix' | 'effective' | 'overrides' | 'disableDelegationPreset' | 'providers'>

/** A resolver over roles as they are and what is mounted. */
export function resolverOf(roles: MatrixRoles, providers: MountedProviders, options: ResolverSettings = {}) {
  return createModelRoleResolver({ effective: { name: 't', roles }, providers: () => providers, ...options })
}
