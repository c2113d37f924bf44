import { createApiKeyLane } from './api-key-lane.js'
import { createCodexLane } from './codex-lane.js'
import { createPlanLane } from './plan-lane.js'
import type { LaneName } from '../contract/index.js'
import type { Lane, LaneConfig } from './lane.js'

const CREATE: Readonly<Record<LaneName, (config: LaneConfig) => Lane>> = { codex: createCodexLane, plan: createPlanLane, api_key: createApiKeyLane }

/** @throws ConfigurationError for an issuer over plain http that is not loopback */
export function createLane(name: LaneName, config: LaneConfig = {}): Lane {
  return CREATE[name](config)
}
