import { EVENTS, isLLMError, type Coordinator, type Provider } from '../contract/index.js'
import type { HostMount } from '../mount-on-host.js'
import type { ChatGPTOptions } from './options.js'
import { loadKeyError, loadSettingError } from './map-error.js'

export interface MountOnUse {
  /** The mounted provider; the first call mounts it. @throws LoadAPIKeyError where it can't be mounted */
  open(): Promise<Provider>
  close(): Promise<void>
}

/** The module on an in-memory host of its own, from the first use on. */
export function createMountOnUse(options: ChatGPTOptions<Record<string, unknown>>): MountOnUse {
  let mounting: Promise<HostMount> | undefined
  let closed: Promise<void> | undefined

  const end = async () => {
    const mounted = await mounting?.catch(() => undefined)
    await mounted?.close()
  }

  return {
    async open() {
      if (closed) throw loadKeyError('This ChatGPT provider is closed: create another one.')
      const attempt = (mounting ??= mountModule(options))
      try {
        return (await attempt).provider
      } catch (error) {
        if (mounting === attempt) mounting = undefined
        throw error
      }
    },
    close: () => (closed ??= end()),
  }
}

/** A refused mount is an AI SDK user's missing key, whose words say how to sign in, or a setting that is wrong. */
async function mountModule({ config, onEvent, tokenStore, now, dispatcher, warn }: ChatGPTOptions<Record<string, unknown>>): Promise<HostMount> {
  const { mountOnHost } = await import('../mount-on-host.js')
  try {
    return await mountOnHost({
      config,
      parts: { tokenStore, now, dispatcher, warn },
      prepare: (coordinator) => onEvent && listen(coordinator, onEvent),
    })
  } catch (error) {
    const words = error instanceof Error ? error.message : String(error)
    throw isLLMError(error) && error.name === 'ConfigurationError' ? loadSettingError(words, error) : loadKeyError(words, error)
  }
}

function listen(coordinator: Coordinator, onEvent: NonNullable<ChatGPTOptions['onEvent']>): void {
  for (const event of Object.values(EVENTS)) coordinator.hooks.register(event, (name, data) => onEvent(name, data))
}
