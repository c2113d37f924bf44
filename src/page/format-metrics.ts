import type { WindowOutlook } from '../account/index.js'
import type { LiveBoard } from '../usage/index.js'

export interface MetricsInput {
  board: Pick<LiveBoard, 'counts' | 'running'>
  windows: readonly WindowOutlook[]
  concurrency: { limit: number; running: number; waiting: number }
}

type Labels = Readonly<Record<string, string>>
interface Metric {
  name: string
  help: string
  type: 'counter' | 'gauge'
  samples: readonly (readonly [labels: Labels, value: number])[]
}

/** Prometheus' text format 0.0.4. */
export function formatMetrics({ board, windows, concurrency }: MetricsInput): string {
  const counts = board.counts()
  const counter = (name: string, help: string, value: (count: (typeof counts)[number]) => number): Metric =>
    ({ name: `amplifier_chatgpt_${name}_total`, help, type: 'counter', samples: counts.map((count) => [{ role: count.role, model: count.model }, value(count)] as const) })
  const gauge = (name: string, help: string, samples: Metric['samples']): Metric => ({ name: `amplifier_chatgpt_${name}`, help, type: 'gauge', samples })
  const labelsOf = ({ limit_id, window_minutes }: WindowOutlook): Labels => ({ limit: limit_id, window_minutes: String(window_minutes) })
  const metrics: Metric[] = [
    counter('calls', 'Calls that have ended.', ({ calls }) => calls),
    counter('errors', 'Calls that have failed.', ({ errors }) => errors),
    counter('retries', 'Attempts beyond the first.', ({ retries }) => retries),
    counter('degraded', 'Calls that another model answered than the one asked for.', ({ degraded }) => degraded),
    counter('input_tokens', 'Input tokens, cached ones included.', ({ input_tokens }) => input_tokens),
    counter('cached_tokens', 'Input tokens that the backend had cached.', ({ cached_tokens }) => cached_tokens),
    counter('output_tokens', 'Output tokens.', ({ output_tokens }) => output_tokens),
    counter('duration_seconds', 'How long calls took, added up.', ({ duration_seconds }) => duration_seconds),
    counter('first_delta_seconds', 'How long the first output took, added up.', ({ first_delta_seconds }) => first_delta_seconds),
    counter('first_deltas', 'Calls that brought output.', ({ first_deltas }) => first_deltas),
    gauge('running_calls', 'Calls that run now.', [[{}, board.running]]),
    gauge('concurrency_limit', "The account's calls at a time, as learned.", [[{}, concurrency.limit]]),
    gauge('waiting_calls', 'Calls that wait for a place.', [[{}, concurrency.waiting]]),
    gauge('window_used_percent', 'How full a quota window is.', windows.map((window) => [labelsOf(window), window.used_percent] as const)),
    gauge('window_pace_percent_per_hour', 'How fast it fills.', windows.flatMap((window) => (window.pace ? [[labelsOf(window), window.pace.percent_per_hour] as const] : []))),
    gauge('window_runs_out_timestamp_seconds', 'When it is full at this pace.', windows.flatMap((window) =>
      (window.pace?.runs_out_at === undefined ? [] : [[labelsOf(window), Date.parse(window.pace.runs_out_at) / 1000] as const]))),
  ]
  return metrics.filter(({ samples }) => samples.length > 0).map(formatMetric).join('')
}

function formatMetric({ name, help, type, samples }: Metric): string {
  const lines = samples.map(([labels, value]) => `${name}${formatLabels(labels)} ${value}\n`)
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join('')}`
}

function formatLabels(labels: Labels): string {
  const pairs = Object.entries(labels).map(([key, value]) => `${key}="${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`)
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`
}
