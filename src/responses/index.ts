/**
 * responses/ owns the Responses wire protocol, pure in both directions: what a request looks like on
 * the wire, what the wire's events mean, and what its failures are. It refuses to know sockets,
 * timers, credentials and policy.
 */
export { createAccumulator } from './accumulate-response.js'
export type { Accumulator } from './accumulate-response.js'
export { decodeEvent } from './decode-event.js'
export { terminalToFailure } from './read-terminal.js'
export type { Terminal } from './read-terminal.js'
export { readUsage } from './read-usage.js'
export type { BlockKind, Step } from './steps.js'
export { createStepMapper } from './to-steps.js'
export type { StepMapper } from './to-steps.js'
export { fromTransportFailure } from './wire-failure.js'
export type { WireFailure } from './wire-failure.js'
export type { WireEvent } from './wire-events.js'
