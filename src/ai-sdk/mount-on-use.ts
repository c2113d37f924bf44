import { EVENTS, type Coordinator, type Provider } from '../contract/index.js'
import type { Host } from '../host/index.js'
import type { ChatGPTOptions } from './create-chatgpt.js'
import { loadKeyError } from './map-error.js'

export interface MountOnUse {
  /** The mounted provider; the first call mounts it. @throws LoadAPIKeyError where it can't be mounted */
  open(): Promise<Provider>
  close(): Promise<void>
}

/** The module on an in-memory host of its own, from the first use on. */
export function createMountOnUse(options: ChatGPTOptions): MountOnUse {
  let mounting: Promise<{ host: Host; provider: Provider }> | undefined
  let closed: Promise<void> | undefined

  const end = async () => {
    const mounted = await mounting?.catch(() => undefined)
    await mounted?.host.close()
  }

  return {
    async open() {
      if (closed) throw loadKeyError('This ChatGPT provider is closed: create another one.')
      const attempt = (mounting ??= mountOnHost(options))
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

async function mountOnHost(options: ChatGPTOptions): Promise<{ host: Host; provider: Provider }> {
  const { config = {}, onEvent, tokenStore, now, dispatcher, warn = writeToStderr } = options
  // What the mount says decides whether it goes to the user as a warning or into the error.
  const said: string[] = []
  let mounted = false
  const tell = (message: string) => void (mounted ? warn(message) : said.push(message))
  const [{ createModule }, { createHost }] = await Promise.all([import('../index.js'), import('../host/index.js')])
  const module = createModule({
    warn: tell,
    ...(tokenStore ? { tokenStore } : {}),
    ...(now ? { now } : {}),
    ...(dispatcher ? { dispatcher } : {}),
  })
  const host = createHost({
    // An import of a package is nobody to ask: a sign-in is the user's own step.
    config: { providers: [{ module: module.id, config: { login_on_mount: false, ...config } }] },
    modules: { [module.id]: module },
    warn: tell,
    ...(now ? { now } : {}),
  })
  if (onEvent) listen(host.coordinator, onEvent)
  await host.start()
  const provider = host.coordinator.get('providers', 'openai-chatgpt')
  if (!isProvider(provider)) {
    await host.close()
    throw loadKeyError(said.filter((message) => !message.includes('its own warning says why')).join('\n') || 'openai-chatgpt could not be mounted')
  }
  mounted = true
  for (const message of said) warn(message)
  return { host, provider }
}

function listen(coordinator: Coordinator, onEvent: NonNullable<ChatGPTOptions['onEvent']>): void {
  for (const event of Object.values(EVENTS)) coordinator.hooks.register(event, (name, data) => onEvent(name, data))
}

function isProvider(value: unknown): value is Provider {
  return typeof value === 'object' && value !== null && 'delegate' in value && 'stream' in value
}

function writeToStderr(message: string): void {
  process.stderr.write(`${message}\n`)
}
