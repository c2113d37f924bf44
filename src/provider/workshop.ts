import type { ModelChooser } from './choose-model.js'
import type { ProviderDeps } from './deps.js'
import type { Emitter } from './emitter.js'
import type { Exchanges } from './exchanges.js'
import type { RequestBuilder } from './request-builder.js'
import type { TurnStates } from './turn-states.js'

/** The parts of a provider that its calls share. */
export interface Workshop {
  deps: ProviderDeps
  emitter: Emitter
  exchanges: Exchanges
  builder: RequestBuilder
  turnStates: TurnStates
  chooseModel: ModelChooser
}
