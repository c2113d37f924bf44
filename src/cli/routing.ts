import { join } from 'node:path'
import { ConfigurationError, type ClampRecord, type ConfigField } from '../contract/index.js'
import { lintMatrix, listMatrices, loadMatrix, readMatrixSource, type LintFinding, type ResolvedCandidate, type RoleCheck } from '../routing/index.js'
import { writeSetting } from '../config/write-setting.js'
import type { CommandContext } from './command-context.js'
import { EXIT } from './exit-codes.js'
import { listFiles } from './list-files.js'
import { createPrint, type Print } from './print.js'
import { readConfig } from './read-config.js'
import { withRouteView } from './route-view.js'
import { shareMatrix } from './share-matrix.js'
import { defined, findHomeFolder } from '../lib/index.js'

/** The 13 roles as they are in force, each candidate with its verdict. */
export async function showRouting(context: CommandContext, flags: Record<string, unknown>): Promise<number> {
  const print = createPrint(context, flags)
  return withRouteView(context, flags, async ({ name, signedIn, check }) => {
    const { ok, roles, problems } = await check()
    print.line(`Routing matrix ${print.paint.bold(name)}`)
    print.table([{ title: 'role' }, { title: 'model' }, { title: 'effort' }, { title: 'candidates' }], roles.map((role) => roleRow(print, role)))
    for (const problem of problems) print.line(print.paint.yellow(problem))
    if (!signedIn) print.line(print.paint.yellow(UNVERIFIED))
    print.value({ matrix: name, signed_in: signedIn, ok, roles, problems })
    return ok ? EXIT.ok : EXIT.failed
  })
}

const UNVERIFIED = 'Nobody is signed in: the candidates are held against the built-in list of models. Run amplifier-chatgpt login'

function roleRow(print: Print, { role, resolved, candidates }: RoleCheck): string[] {
  return [
    role,
    resolved?.resolved_model ?? print.paint.red('none'),
    String(resolved?.config?.reasoning_effort ?? ''),
    candidates.map((candidate) => `${candidate.model} ${paintStatus(print, candidate)}`).join(' → '),
  ]
}

function paintStatus({ paint }: Print, { status }: ResolvedCandidate): string {
  const word = status.replaceAll('_', ' ')
  if (status === 'live') return paint.green(word)
  return status === 'unverified' || status === 'exhausted' ? paint.yellow(word) : paint.red(word)
}

/** How a call for the role would be routed now, without calling a model. */
export async function explainRouting(context: CommandContext, flags: Record<string, unknown>, words: readonly string[]): Promise<number> {
  const print = createPrint(context, flags)
  return withRouteView(context, flags, async ({ signedIn, explain }) => {
    const route = await explain(words)
    print.line(`${print.paint.bold(route.role)}${route.description ? `: ${route.description}` : ''}`)
    print.line(`decided by ${route.file ?? 'code'}${route.line === undefined ? '' : `:${route.line}`}${route.origin === undefined || route.origin === 'matrix' ? ` (matrix ${route.matrix})` : ` (${route.origin})`}`)
    for (const unknown of route.unknown_roles ?? []) {
      print.line(print.paint.yellow(`unknown role ${unknown.role}${unknown.did_you_mean ? `; did you mean ${unknown.did_you_mean}?` : ''}`))
    }
    print.table(
      [{ title: '#', align: 'right' }, { title: 'candidate' }, { title: 'verdict' }, { title: 'resolves to' }, { title: 'config' }, { title: 'line', align: 'right' }, { title: '' }],
      route.candidates.map((candidate, index) => [
        String(index + 1), `${candidate.provider}/${candidate.model}`, paintStatus(print, candidate), candidate.resolved_model ?? '',
        describeSettings(candidate.config), String(candidate.line ?? ''),
        candidate.exhausted_until ? `until ${candidate.exhausted_until}` : (candidate.detail ?? ''),
      ]))
    print.line(route.resolved ? `a call goes to ${print.paint.bold(route.resolved.resolved_model ?? '')}` : print.paint.red('no candidate serves this role'))
    if (route.clamp) print.line(describeClamp(route.clamp))
    if (!signedIn) print.line(print.paint.yellow(UNVERIFIED))
    print.value({ ...route, signed_in: signedIn })
    return route.resolved ? EXIT.ok : EXIT.failed
  })
}

/** What the preset made of the caller, in a line. */
function describeClamp({ mode, honored, reason, requested, granted, caller }: ClampRecord): string {
  const intent = ({ model, effort }: ClampRecord['granted']) => `${model ?? 'any'}${effort === null ? '' : ` at ${effort}`}`
  const who = caller === null ? 'no caller' : `caller ${caller.model}${caller.effort === null ? '' : ` at ${caller.effort}`}`
  if (!honored) return `preset ${mode}, ${who}: nothing is taken over from the caller, and the role's own candidates count as they are written (${reason})`
  return `preset ${mode}, ${who}: asked ${intent(requested)}, granted ${intent(granted)}: ${reason}`
}

/** Every finding of matrices, with line and column. As JSON: `{file, findings}`, a list of these for several files. */
export async function lintRouting(context: CommandContext, flags: Record<string, unknown>, words: readonly string[]): Promise<number> {
  const print = createPrint(context, flags)
  const { options } = await readConfig(context, flags)
  const configFields = { 'openai-chatgpt': await ownFields() }
  const linted: { file: string; findings: readonly LintFinding[] }[] = []
  for (const name of words.length === 0 ? [options.matrix] : await listFiles(words)) {
    const source = await readMatrixSource(name, { directories: options.customRoutingDirs })
    const findings = await lintMatrix(source, { configFields })
    printFindings(print, source.file, findings)
    linted.push({ file: source.file, findings })
  }
  print.value(linted.length === 1 ? linted[0] : linted)
  return linted.some(({ findings }) => countErrors(findings) > 0) ? EXIT.failed : EXIT.ok
}

function printFindings(print: Print, file: string, findings: readonly LintFinding[]): void {
  for (const { severity, rule, message, line, column, hint } of findings) {
    const word = severity === 'error' ? print.paint.red(severity) : print.paint.yellow(severity)
    print.line(`${file}:${line}:${column}: ${word} ${message} (${rule})`)
    if (hint) print.line(`    ${hint}`)
  }
  print.line(`${file}: ${countErrors(findings)} errors, ${findings.length - countErrors(findings)} warnings`)
}

function countErrors(findings: readonly LintFinding[]): number {
  return findings.filter(({ severity }) => severity === 'error').length
}

/** What our provider takes in a candidate's config, asked of a provider that is never mounted. */
async function ownFields(): Promise<readonly ConfigField[]> {
  const { providerConfigFields } = await import('../index.js')
  return providerConfigFields
}

/** The matrices in reach, the active one marked. */
export async function listRouting(context: CommandContext, flags: Record<string, unknown>): Promise<number> {
  const print = createPrint(context, flags)
  const { options } = await readConfig(context, flags)
  const found = await listMatrices({ directories: options.customRoutingDirs })
  const rows = found.filter(({ shadowed }) => !shadowed).map(({ name, file }) => ({
    name, file, active: name === options.matrix,
    shadows: found.filter((other) => other.shadowed && other.name === name).map((other) => other.file),
  }))
  print.table([{ title: '' }, { title: 'matrix' }, { title: 'file' }, { title: 'shadows' }],
    rows.map((row) => [row.active ? '*' : '', row.name, row.file, row.shadows.join(', ')]))
  print.value(rows)
  return EXIT.ok
}

/** Puts a matrix in force for this user. */
export async function chooseRouting(context: CommandContext, flags: Record<string, unknown>, words: readonly string[]): Promise<number> {
  const print = createPrint(context, flags)
  const name = words[0]
  if (name === undefined) throw new ConfigurationError('routing use takes the name of a matrix. Run amplifier-chatgpt routing list', { code: 'usage' })
  const { options, settings } = await readConfig(context, flags)
  const matrix = await loadMatrix(name, { directories: options.customRoutingDirs })
  const folder = join(findHomeFolder(context.terminal.env), '.amplifier')
  const file = join(folder, 'settings.yaml')
  const copy = flags.amplifier === true ? await shareMatrix(name, folder, { directories: options.customRoutingDirs }) : undefined
  await writeSetting(file, ['routing', 'matrix'], name)
  print.line(`${matrix.name} is in force from the next mount on (${file}).`)
  if (copy !== undefined) print.line(`Amplifier lists it from ${copy}.`)
  const shadowing = settings.files.filter((other) => !other.trusted && other.status === 'read').map((other) => other.file)
  if (shadowing.length > 0) print.line(print.paint.yellow(`Settings of this project are read after it and may say otherwise: ${shadowing.join(', ')}`))
  print.value({ matrix: matrix.name, file, ...defined({ copy }) })
  return EXIT.ok
}

/** `reasoning_effort=high`, in words that a narrow table can break; what is not plain as JSON. */
function describeSettings(config: Readonly<Record<string, unknown>> = {}): string {
  const word = (value: unknown): string => (typeof value === 'string' && /^[\w.-]+$/.test(value) ? value : JSON.stringify(value))
  return Object.entries(config).map(([key, value]) => `${word(key)}=${word(value)}`).join(', ')
}
