import { assertReplaceable, signInWithDeviceCode, type Credential, type DeviceCodePrompt } from '../auth/index.js'
import { resolveOptions } from '../config/index.js'
import { composeAccount } from '../compose-account.js'

export interface DeviceSignIn {
  /** the provider's mount config */
  config: Record<string, unknown>
  show: (prompt: DeviceCodePrompt) => void
  signal?: AbortSignal
}

/** Signs in by device code and keeps the sign-in where a mount with this config finds it. @throws LLMError */
export async function signInByDevice({ config, show, signal }: DeviceSignIn): Promise<Credential> {
  const { options } = resolveOptions(config)
  const account = composeAccount({ options, parts: {} })
  try {
    await assertReplaceable(account.store)
    const fresh = await signInWithDeviceCode({
      transport: account.transport, issuer: options.issuer, clientId: account.lane.clientId, command: account.lane.signIn, show, ...(signal ? { signal } : {}),
    })
    return await account.credentials.accept(fresh)
  } finally {
    await account.dispose()
  }
}
