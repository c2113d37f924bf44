import type { ReplayReport, ReplaySide, RoleReplay } from '../routing/index.js'
import type { Print } from './print.js'
import { formatMinutes } from './status.js'

/** A replay as a person reads it: a line a role, recorded beside predicted. */
export function printReplay(print: Print, report: ReplayReport): void {
  const { windows, roles, total, unrated, unlearned } = report
  print.line(`${report.calls} calls${report.from === undefined ? '' : ` from ${report.from} to ${report.to}`} under ${print.paint.bold(report.matrix)}${report.failed > 0 ? `; ${report.failed} that had failed are left out` : ''}`)
  const names = windows.map(({ limit_id, window_minutes }) => `${limit_id} ${formatMinutes(window_minutes)}`)
  const row = (name: string, calls: number, { recorded, predicted, unresolved }: Pick<RoleReplay, 'recorded' | 'predicted' | 'unresolved'>): string[] => [
    name, String(calls), describeServed(recorded), unresolved && predicted.served.length === 0 ? print.paint.red('none') : describeServed(predicted),
    `${tokensOf(recorded)} → ${tokensOf(predicted)}`,
    ...windows.map((_, place) => `${percentOf(recorded, place)} → ${predictedOf(predicted, place)}`),
  ]
  print.table(
    [{ title: 'role' }, { title: 'calls', align: 'right' }, { title: 'recorded' }, { title: 'predicted' }, { title: 'tokens', align: 'right' }, ...names.map((title) => ({ title, align: 'right' as const }))],
    [
      ...roles.map((role) => row(role.role ?? '(no role)', role.calls, role)),
      row('all', report.calls, { ...total, recorded: { ...total.recorded, served: [] }, predicted: { ...total.predicted, served: [] } }),
    ])
  for (const { role, unresolved } of roles) {
    if (unresolved) print.line(print.paint.red(`${role}: ${unresolved.calls} calls would not have resolved: ${unresolved.reason}`))
  }
  if (windows.length === 0) print.line(print.paint.yellow('The recording has no reading of the plan\'s windows, so no share of them is predicted.'))
  if (unrated.length > 0) print.line(print.paint.yellow(`No rate is known for ${unrated.join(', ')}: record some calls with it, or say --rate ${unrated[0]}=0.5*MODEL`))
  for (const { model, effort } of unlearned) {
    print.line(print.paint.yellow(`Nothing shows how long ${model} thinks${effort === undefined ? '' : ` at ${effort}`}: its reasoning is taken as recorded.`))
  }
}

function describeServed({ served }: ReplaySide): string {
  return served.map(({ model, effort, calls }) => `${model}${effort === undefined ? '' : ` ${effort}`}${served.length > 1 ? ` ×${calls}` : ''}`).join(', ')
}

const tokensOf = ({ tokens }: ReplaySide): string => (tokens.input_tokens + tokens.output_tokens).toLocaleString('en-US')

function percentOf({ percent }: ReplaySide, place: number): string {
  const value = percent[place]
  return value === null || value === undefined ? '?' : `${value.toFixed(2)} %`
}

/** What is predicted, with its error. */
function predictedOf(side: ReplaySide, place: number): string {
  const error = side.percent_error[place]
  return error === null || error === undefined ? percentOf(side, place) : `${percentOf(side, place)} ± ${error.toFixed(2)}`
}
