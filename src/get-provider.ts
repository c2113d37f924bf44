import { ConfigurationError } from './contract/index.js'
import { MOUNT_NAME } from './container.js'
import type { ChatGPTProvider } from './provider/index.js'

/**
 * The mounted provider with its type: a coordinator's own `get` answers `unknown`.
 * @param coordinator of a started host, whichever it is
 * @param name under which it is mounted: the `id` of the plan's entry; default `openai-chatgpt`
 * @throws ConfigurationError `not_mounted` where nothing of ours is mounted under the name; the host's warnings said why
 */
export function getProvider(coordinator: { get(point: string, name?: string): unknown }, name: string = MOUNT_NAME): ChatGPTProvider {
  const found = coordinator.get('providers', name)
  if (isOurs(found)) return found
  const mounted = Object.keys((coordinator.get('providers') ?? {}) as object)
  throw new ConfigurationError(
    `no provider of amplifier-module-provider-openai-chatgpt is mounted as ${name}${mounted.length > 0 ? `; mounted are ${mounted.join(', ')}` : ''}. The host's warnings say why a mount failed`,
    { code: 'not_mounted' },
  )
}

/** By what only ours has, since two installs of the package are two classes. */
function isOurs(value: unknown): value is ChatGPTProvider {
  return typeof value === 'object' && value !== null && ['stream', 'delegate', 'warmUp'].every((name) => typeof Reflect.get(value, name) === 'function')
}
