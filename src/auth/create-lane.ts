import { createApiKeyLane } from './api-key-lane.js'
import { createCodexLane } from './codex-lane.js'
import { createPlanLane } from './plan-lane.js'
import type { LaneName } from '../contract/index.js'
import type { Lane, LaneConfig } from './lane.js'

/** @throws ConfigurationError for an issuer over plain http that is not loopback */
export function createLane(name: LaneName, config: LaneConfig = {}): Lane {
  switch (name) {
    case 'codex':
      return createCodexLane(config)
    case 'plan':
      return createPlanLane(config)
    case 'api_key':
      return createApiKeyLane(config)
  }
}
