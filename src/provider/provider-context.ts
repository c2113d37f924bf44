import type { Compactor } from './compaction.js'
import type { ModelChooser } from './choose-model.js'
import type { ProviderDeps } from './deps.js'
import type { Emitter } from './emitter.js'
import type { BackendClient } from './backend-client.js'
import type { RequestBuilder } from './request-builder.js'
import type { TurnStateStore } from './turn-state-store.js'

/** The parts of a provider that its calls share. */
export interface ProviderContext {
  deps: ProviderDeps
  emitter: Emitter
  client: BackendClient
  requests: RequestBuilder
  compactor: Compactor
  turnStates: TurnStateStore
  chooseModel: ModelChooser
  /** the present time, as events have it */
  stamp: () => string
}
