import type { Coordinator, Provider } from './contract/index.js'

/** Takes the provider off the host, by whatever name the host has given it since. */
export async function unmountProvider(coordinator: Coordinator, provider: Provider): Promise<void> {
  const mounted = coordinator.get('providers')
  if (typeof mounted !== 'object' || mounted === null) return
  for (const [name, entry] of Object.entries(mounted)) if (entry === provider) await coordinator.unmount('providers', name)
}
