/**
 * conformance/ owns what a host needs to check a provider module offline: the fault catalogue, the checks, the score.
 * It refuses to know how a provider works inside: it sees a door, and a twin behind it.
 */
export { compareDoors } from './compare-doors.js'
export type { DoorComparison, DoorDifference, NamedDoor } from './compare-doors.js'
export { CHECK_NAMES } from './checks.js'
export { FAULTS } from './faults.js'
export type { FaultName } from './faults.js'
export { formatComparison, formatConformance } from './format-report.js'
export { openModule, runModuleConformance } from './run-module-conformance.js'
export type { ModuleConfigInput, ModuleConformanceOptions } from './run-module-conformance.js'
export { readFailure } from './read-failure.js'
export { runConformance } from './run-conformance.js'
export type {
  CheckResult, ConformanceOptions, ConformanceReport, DoorCallOptions, DoorUnderTest, FailureReading, OpenDoor, RecordedEvent,
} from './types.js'
