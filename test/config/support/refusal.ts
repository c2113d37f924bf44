import { buildMountPlan, loadBundle, loadSettings } from '../../../src/config/index.js'
import type { MountPlan } from '../../../src/contract/index.js'
import { createHost } from '../../../src/host/index.js'
import { createModule } from '../../../src/index.js'

export const MODULE = 'provider-openai-chatgpt'

/** What the host warns of while it mounts a plan and a child for each of its agents; throws where our provider mounts everywhere. */
export async function refusalOf(plan: MountPlan): Promise<string> {
  const warnings: string[] = []
  const warn = (message: string) => void warnings.push(message)
  const host = createHost({ config: plan, modules: { [MODULE]: createModule({ warn }) }, warn })
  try {
    await host.start()
    const hosts = [host]
    for (const name of Object.keys(plan.agents ?? {})) {
      const child = host.spawn(name)
      hosts.push(child)
      await child.start()
    }
    const refused = warnings.filter((message) => message.includes(' was not mounted: '))
    if (refused.length === 0 || hosts.every(({ coordinator }) => Object.keys(coordinator.get('providers') as object).length > 0)) throw new Error(`expected a refusal, found ${warnings.join('; ')}`)
    return refused.join('\n')
  } finally {
    await host.close()
  }
}

/** {@link refusalOf} for a bundle's file. */
export async function refusalOfBundle(file: string): Promise<string> {
  return refusalOf(buildMountPlan({ bundle: await loadBundle(file) }))
}

/** {@link refusalOf} for what `work`'s settings come to, our module in the plan whatever they say. */
export async function refusalOfSettings(work: string, home: string): Promise<string> {
  const settings = await loadSettings(work, { home })
  const providers = settings.providers.length > 0 ? settings.providers : [{ module: MODULE }]
  return refusalOf(buildMountPlan({ settings: { ...settings, providers } }))
}
