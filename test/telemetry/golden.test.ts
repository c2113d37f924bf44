import { SpanKind, SpanStatusCode } from '@opentelemetry/api'
import { type HistogramMetricData } from '@opentelemetry/sdk-metrics'
import { type ReadableSpan } from '@opentelemetry/sdk-trace-base'
import { expect, onTestFinished, test } from 'vitest'
import { ask, mountOnTwin } from '../support/mounted.js'
import { register } from './support.js'

/** What differs from run to run, by the attribute's name. */
const VARYING = /^(?:server\.port|gen_ai\.response\.id|gen_ai\.response\.time_to_first_chunk|gen_ai\.conversation\.id)$/

function showAttributes(attributes: object): object {
  return Object.fromEntries(Object.entries(attributes).sort(([left], [right]) => (left < right ? -1 : 1)).map(([name, value]) => [name, VARYING.test(name) ? `<${typeof value}>` : (value as unknown)]))
}

function showSpan({ name, kind, status, attributes, events, parentSpanContext }: ReadableSpan, all: readonly ReadableSpan[]): object {
  const parent = all.find((span) => span.spanContext().spanId === parentSpanContext?.spanId)?.name ?? null
  return { name, kind: SpanKind[kind], parent, status: SpanStatusCode[status.code], attributes: showAttributes(attributes), events: events.map((event) => event.name) }
}

function showMetric({ descriptor: { name, unit, description }, dataPoints }: HistogramMetricData): object {
  const points = dataPoints.map(({ attributes, value: { count, sum, buckets } }) => ({
    // How many chunks a stream has, and how long it takes, is the machine's; how many tokens is not.
    attributes: showAttributes(attributes), ...(unit === '{token}' ? { count, sum } : name.endsWith('per_output_chunk') ? {} : { count }), boundaries: buckets.boundaries,
  }))
  return { name, unit, description, points }
}

test('spans and metrics of calls, a role, a failure and a tool are those of the golden file', async () => {
  const { spans, histograms } = register()
  const { provider, twin, host, close } = await mountOnTwin({ config: { max_retries: 1 } })
  onTestFinished(close)
  const usage = { input_tokens: 1000, input_tokens_details: { cached_tokens: 600 }, output_tokens: 50, output_tokens_details: { reasoning_tokens: 20 }, total_tokens: 1050 }
  twin.enqueue({ status: 503, body: { detail: 'busy' }, headers: { 'retry-after': '0' } }, { text: 'the answer', usage })
  await provider.complete(ask('a question', { conversation_id: 'c1' }))
  twin.enqueue({ text: 'done', usage })
  await provider.delegate('coding', ask('a question', { conversation_id: 'c2', metadata: { agent: 'explorer' } })).response()
  twin.enqueue({ status: 400, body: { detail: 'refused' } })
  await expect(provider.complete(ask('a question', { conversation_id: 'c3' }))).rejects.toThrow()
  await host.coordinator.hooks.emit('tool:pre', { tool_name: 'read_file', tool_call_id: 'call_1', tool_input: { path: 'x' } })
  await host.coordinator.hooks.emit('tool:post', { tool_name: 'read_file', tool_call_id: 'call_1' })
  const finished = spans()
  const measured = await histograms()
  const golden = { spans: finished.map((span) => showSpan(span, finished)), metrics: measured.map(showMetric).sort((left, right) => (JSON.stringify(left) < JSON.stringify(right) ? -1 : 1)) }
  await expect(`${JSON.stringify(golden, null, 2)}\n`).toMatchFileSnapshot('golden.json')
})
