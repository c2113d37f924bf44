/**
 * telemetry/ owns how calls look to OpenTelemetry: spans and metrics by the GenAI conventions. It refuses to know an SDK or an
 * exporter, and loads nothing until the host program has registered a provider.
 */
export { createTelemetry } from './create-telemetry.js'
export type { Telemetry, TelemetryOptions } from './create-telemetry.js'
