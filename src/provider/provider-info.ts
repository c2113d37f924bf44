import { buildFallbackModels, describeModel, LATEST, latestModel, type CatalogModel, type CatalogSnapshot } from '../account/index.js'
import { laneRow, parseModelName, type ConfigField, type LaneName, type ProviderInfo } from '../contract/index.js'
import type { ProviderSettings } from './deps.js'

const EFFORTS = ['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max']

/**
 * What a host shows of the provider, and what its context budget starts from: the default model's limits, where they
 * are known. `latest` reads so until a list was seen, then as the model it stands for.
 */
export function buildProviderInfo(mountName: string, lane: LaneName, settings: ProviderSettings, snapshot: CatalogSnapshot | undefined): ProviderInfo {
  const model = findDefault(settings.defaultModel, lane, snapshot)
  return {
    id: mountName,
    display_name: 'OpenAI ChatGPT',
    credential_env_vars: [],
    capabilities: ['streaming', 'tools', 'thinking', 'vision', 'json_mode', ...laneRow(lane).signIn],
    defaults: {
      model: model && parseModelName(settings.defaultModel).slug === LATEST ? model.id : settings.defaultModel,
      auth_mode: laneRow(lane).aliases[0] ?? lane,
      ...(model && { context_window: model.contextWindow, max_output_tokens: model.maxOutputTokens }),
    },
    config_fields: [...CONFIG_FIELDS],
  }
}

function findDefault(name: string, lane: LaneName, snapshot: CatalogSnapshot | undefined): CatalogModel | undefined {
  const { slug } = parseModelName(name)
  if (slug === LATEST) return snapshot && snapshot.source !== 'fallback' ? latestModel(snapshot) : undefined
  const known = snapshot ?? { models: buildFallbackModels(lane), source: 'fallback', lane, ageSeconds: 0 }
  return describeModel(known, name) ?? describeModel(known, slug)
}

const PLAN_ONLY = { auth_mode: 'chatgpt_plan' }

function path(id: string, display_name: string, prompt: string): ConfigField {
  return { id, display_name, field_type: 'text', prompt, required: false, requires_model: false, show_when: PLAN_ONLY }
}

function choice(id: string, display_name: string, prompt: string, choices: string[], standard?: string): ConfigField {
  return {
    id, display_name, field_type: 'choice', prompt, choices, required: false, requires_model: false,
    ...(standard !== undefined && { default: standard }),
  }
}

/** What a mount, a settings form and a matrix candidate may say. */
export const CONFIG_FIELDS: readonly ConfigField[] = [
  choice('auth_mode', 'Sign-in', 'Which sign-in should pay?', ['chatgpt_codex', 'chatgpt_plan'], 'chatgpt_codex'),
  choice('reasoning_effort', 'Reasoning effort', 'How long should the model think?', EFFORTS),
  choice('reasoning_summary', 'Reasoning summary', 'How much of its reasoning should be summed up?', ['auto', 'concise', 'detailed', 'none']),
  choice('text_verbosity', 'Verbosity', 'How long should answers be?', ['low', 'medium', 'high']),
  choice('service_tier', 'Service tier', 'Which service tier should serve the calls?', ['priority']),
  choice('transport', 'Transport', 'How should calls travel?', ['auto', 'sse', 'websocket'], 'auto'),
  {
    id: 'login_on_mount', display_name: 'Sign in on mount', field_type: 'boolean', required: false, default: 'true',
    prompt: 'Ask to sign in at the terminal when nobody is signed in?', requires_model: false,
  },
  path('token_file_path', 'Credential file', 'Where should the sign-in be kept?'),
  path('host_file_path', 'Host file', 'Which file names this host to the issuer?'),
  path('app_name', 'Application name', 'What should the sign-in page call this program?'),
]
