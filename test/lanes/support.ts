import { rm, writeFile } from 'node:fs/promises'
import { onTestFinished } from 'vitest'
import { createLane, createFileStore, signInWithPlan, saveSignIn } from '../../src/auth/index.js'
import { createTransport } from '../../src/transport/index.js'
import { startTwin, type Twin, type TwinOptions } from '../../src/twin/index.js'
import { mountOnTwin, type Mounted, type MountedOptions } from '../support/mounted.js'

/** A twin that ends with the test. */
export async function openTwin(options: TwinOptions = {}): Promise<Twin> {
  const twin = await startTwin(options)
  onTestFinished(() => twin.close())
  return twin
}

/** The module on a host of its own; both end with the test, before the twin does. */
export async function mountOn(twin: Twin, options: MountedOptions = {}): Promise<Mounted> {
  const mounted = await mountOnTwin({ on: twin, ...options })
  onTestFinished(() => mounted.close())
  return mounted
}

/** Signs in as a user of the plan lane does: the browser, the registration, the exchange, the file. */
export async function signInToPlan(twin: Twin, path: string, now: () => number = Date.now): Promise<void> {
  const transport = createTransport({ env: {} })
  try {
    await rm(path, { force: true })
    const lane = createLane('plan', { issuer: twin.issuer, baseUrl: twin.apiBaseUrl })
    const store = createFileStore({ path, lane: 'plan' })
    const signIn = await signInWithPlan({ transport, lane, store, now, show: ({ url }) => void fetch(url).then((page) => page.text()) })
    await saveSignIn({ lane, store, signIn, now, registerSecret: () => undefined })
  } finally {
    await transport.close()
  }
}

export async function mountPlan(twin: Twin, config: Record<string, unknown> = {}, now?: () => number): Promise<Mounted> {
  return mountOn(twin, {
    config: { lane: 'plan', base_url: twin.apiBaseUrl, ...config },
    prepare: ({ config: { token_file_path: path } }) => signInToPlan(twin, String(path), now),
    ...(now ? { parts: { now } } : {}),
  })
}

export async function mountApiKey(twin: Twin, config: Record<string, unknown> = {}): Promise<Mounted & { key: string }> {
  const key = twin.issueApiKey()
  const mounted = await mountOn(twin, {
    config: { lane: 'api_key', base_url: twin.apiBaseUrl, api_key: key, ...config },
    prepare: ({ config: { token_file_path: path } }) => rm(String(path)),
  })
  return Object.assign(mounted, { key })
}

export async function writeTokens(path: string, record: object): Promise<void> {
  await writeFile(path, JSON.stringify(record), { mode: 0o600 })
}

/** Paths in the order they were asked for, each once. */
export const pathsOf = (twin: Twin): string[] => [...new Set(twin.requests.map(({ method, path }) => `${method} ${path}`))]
