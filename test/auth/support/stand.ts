import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { createFileStore, createLane, type Lane, type LaneConfig, type TokenStore } from '../../../src/auth/index.js'
import type { LaneName } from '../../../src/contract/index.js'
import { createTransport, type Transport } from '../../../src/transport/index.js'
import { startTwin, type Twin, type TwinOptions } from '../../../src/twin/index.js'
import { testFolder } from './folder.js'

export interface Stand {
  twin: Twin
  transport: Transport
  lane: Lane
  store: TokenStore
  folder: string
  path: string
}

/** A twin, a real transport, a lane that points at both, and an empty file store. */
export async function startStand(options: { lane?: LaneName; twin?: TwinOptions; config?: LaneConfig } = {}): Promise<Stand> {
  const twin = await startTwin(options.twin)
  onTestFinished(() => twin.close())
  const transport = createTransport({ env: {} })
  onTestFinished(() => transport.close())
  const name = options.lane ?? 'codex'
  const lane = createLane(name, { issuer: twin.issuer, baseUrl: name === 'codex' ? twin.baseUrl : twin.apiBaseUrl, ...options.config })
  const folder = await testFolder()
  const path = join(folder, 'token.json')
  return { twin, transport, lane, folder, path, store: createFileStore({ path, lane: name }) }
}
