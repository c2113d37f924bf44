import type { Attributes, Histogram } from '@opentelemetry/api'
import type { Usage } from '../contract/index.js'
import type { Api } from './load-api.js'

const SECONDS = [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92]
const TOKENS = [1, 4, 16, 64, 256, 1024, 4096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304, 16_777_216, 67_108_864]
/** As the conventions have it for a server's first token and for those after it: they name none for a client's chunks. */
const FIRST_CHUNK = [0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10]
const NEXT_CHUNK = [0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5]

export interface Instruments {
  duration: Histogram
  tokens(usage: Usage, attributes: Attributes): void
  firstChunk: Histogram
  nextChunk: Histogram
}

/** The client metrics of the GenAI conventions. */
export function createInstruments({ metrics }: Api, name: string, version: string): Instruments {
  const meter = metrics.getMeter(name, version)
  const seconds = (metric: string, description: string, explicitBucketBoundaries: number[]) =>
    meter.createHistogram(metric, { description, unit: 's', advice: { explicitBucketBoundaries } })
  const tokens = meter.createHistogram('gen_ai.client.token.usage', {
    description: 'Number of input and output tokens used.', unit: '{token}', advice: { explicitBucketBoundaries: TOKENS },
  })
  return {
    duration: seconds('gen_ai.client.operation.duration', 'GenAI operation duration.', SECONDS),
    firstChunk: seconds('gen_ai.client.operation.time_to_first_chunk', 'Time to receive the first chunk.', FIRST_CHUNK),
    nextChunk: seconds('gen_ai.client.operation.time_per_output_chunk', 'Time per output chunk after the first.', NEXT_CHUNK),
    tokens(usage, attributes) {
      tokens.record(usage.input_tokens, { ...attributes, 'gen_ai.token.type': 'input' })
      tokens.record(usage.output_tokens, { ...attributes, 'gen_ai.token.type': 'output' })
    },
  }
}
