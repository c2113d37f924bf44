import type { ConfigField, ProviderInfo } from '../contract/index.js'
import type { ProviderSettings } from './deps.js'

const EFFORTS = ['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max']

/** What a host shows of the provider, and what its context budget starts from. */
export function buildProviderInfo(mountName: string, settings: ProviderSettings, contextWindow: number, maxOutputTokens: number): ProviderInfo {
  return {
    id: mountName,
    display_name: 'OpenAI ChatGPT',
    credential_env_vars: [],
    capabilities: ['streaming', 'tools', 'thinking', 'vision', 'json_mode'],
    defaults: { model: settings.defaultModel, context_window: contextWindow, max_output_tokens: maxOutputTokens },
    config_fields: [...CONFIG_FIELDS],
  }
}

function choice(id: string, display_name: string, prompt: string, choices: string[], standard?: string): ConfigField {
  return {
    id, display_name, field_type: 'choice', prompt, choices, required: false, requires_model: false,
    ...(standard === undefined ? {} : { default: standard }),
  }
}

/** What a mount, a settings form and a matrix candidate may say. */
export const CONFIG_FIELDS: readonly ConfigField[] = [
  choice('reasoning_effort', 'Reasoning effort', 'How long should the model think?', EFFORTS),
  choice('reasoning_summary', 'Reasoning summary', 'How much of its reasoning should be summed up?', ['auto', 'concise', 'detailed', 'none']),
  choice('text_verbosity', 'Verbosity', 'How long should answers be?', ['low', 'medium', 'high']),
  choice('service_tier', 'Service tier', 'Which service tier should serve the calls?', ['priority']),
  choice('transport', 'Transport', 'How should calls travel?', ['auto', 'sse', 'websocket'], 'auto'),
  {
    id: 'login_on_mount', display_name: 'Sign in on mount', field_type: 'boolean', required: false, default: 'true',
    prompt: 'Ask to sign in at the terminal when nobody is signed in?', requires_model: false,
  },
]
