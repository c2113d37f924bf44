import { readFile } from 'node:fs/promises'
import { buildFallbackModels } from '../account/index.js'
import { MOUNT_NAME } from '../config/module-entry.js'
import { ConfigurationError } from '../contract/index.js'
import { defined, isRecord, parseJson } from '../lib/index.js'
import { findMatrixInForce } from '../mount-routing.js'
import {
  composeEffectiveMatrix, createModelRoleResolver, diffMatrices, loadMatrix, readRecording, replayRecording,
  type DiffSide, type ModelRoleResolver, type OverrideLayer, type RateRule, type RoutingMatrix,
} from '../routing/index.js'
import type { CommandContext } from './command-context.js'
import { EXIT } from './exit-codes.js'
import { createPrint } from './print.js'
import { readConfig } from './read-config.js'
import { printReplay } from './print-replay.js'

/** What a matrix would have done with the calls of recordings. Asks nobody. */
export async function replayRouting(context: CommandContext, flags: Record<string, unknown>, words: readonly string[]): Promise<number> {
  const print = createPrint(context, flags)
  const { plan, options, entry } = await readConfig(context, flags)
  const { find, hook, overrides } = await findMatrixInForce(plan, options, entry.config ?? {})
  const matrix = composeEffectiveMatrix(withPreset((await find()).matrix, flags.preset), {
    overrides: [...overrides, ...readOverrideFlags(flags.override)], disableDelegationPreset: hook.disableDelegationPreset,
  })
  const recorded = (await Promise.all(words.map(async (file) => readRecording(await readText(file, 'recording'), file)))).flat()
  // A list that is named stands over the recording's own.
  const records = flags.models === undefined ? recorded : recorded.filter(({ type }) => type === 'call')
  const seen = recorded.flatMap((record) => (record.type === 'call' && record.status === 'ok' ? [record.model] : []))
  const report = await replayRecording({
    records, matrix, plan,
    models: { [MOUNT_NAME]: flags.models === undefined ? [...new Set([...(await readModels(flags)), ...seen])] : await readModels(flags) },
    rates: readAll(flags.rate).map(readRate),
    ...defined({ effort: options.reasoningEffort }),
  })
  printReplay(print, report)
  print.value(report)
  return report.roles.some(({ unresolved }) => unresolved !== undefined) ? EXIT.failed : EXIT.ok
}

/** Role by role what two matrices answer over the same list of models. Asks nobody. */
export async function diffRouting(context: CommandContext, flags: Record<string, unknown>, words: readonly string[]): Promise<number> {
  const print = createPrint(context, flags)
  const { options } = await readConfig(context, flags)
  const models = await readModels(flags)
  const open = async (name: string) => resolverOver(await loadMatrix(name, { directories: options.customRoutingDirs }), models, flags.caller)
  const [a, b] = [await open(words[0] ?? ''), await open(words[1] ?? '')]
  const rows = await diffMatrices(a, b)
  const cell = ({ model, effort, reason }: DiffSide, changed: boolean): string => {
    if (model === undefined) return print.paint.red(`none: ${reason}`)
    const words = `${model}${effort === undefined ? '' : ` ${effort}`}`
    return changed ? print.paint.yellow(words) : words
  }
  print.table([{ title: 'role' }, { title: a.name }, { title: b.name }, { title: '' }],
    rows.map(({ role, same, a: left, b: right }) => [role, cell(left, false), cell(right, !same), same ? '' : 'differs']))
  print.line(`${rows.filter(({ same }) => !same).length} of ${rows.length} roles differ`)
  print.value({ a: a.name, b: b.name, roles: rows })
  return EXIT.ok
}

function resolverOver(matrix: RoutingMatrix, models: readonly string[], caller: unknown): ModelRoleResolver {
  const config = typeof caller === 'string' ? readModelWord(caller) : undefined
  return createModelRoleResolver({
    matrix, verify: 'catalog', providers: () => ({ [MOUNT_NAME]: { listModels: () => models } }),
    coordinator: { config: { providers: [{
      module: `provider-${MOUNT_NAME}`, id: MOUNT_NAME,
      ...(config === undefined ? {} : { config: { default_model: config.model, ...defined({ reasoning_effort: config.effort }) } }),
    }] } },
  })
}

/** The matrix with another way to inherit; its tiers stay. */
function withPreset(matrix: RoutingMatrix, mode: unknown): RoutingMatrix {
  if (typeof mode !== 'string') return matrix
  const preset = isRecord(matrix.preset) ? matrix.preset : {}
  const delegation = isRecord(preset.delegation) ? preset.delegation : {}
  return { ...matrix, preset: { ...preset, delegation: { ...delegation, inherit: mode } } }
}

function readOverrideFlags(value: unknown): OverrideLayer[] {
  return readAll(value).map((text): OverrideLayer => {
    const [, role, rest] = /^([^=]+)=(.+)$/.exec(text) ?? []
    if (role === undefined || rest === undefined) throw usage(`--override takes role=model or role=model:effort, found ${JSON.stringify(text)}`)
    const [, provider = MOUNT_NAME, word = ''] = /^(?:([^/]+)\/)?(.+)$/.exec(rest) ?? []
    const { model, effort } = readModelWord(word)
    return { source: '--override', roles: { [role]: [{ provider, model, ...(effort === undefined ? {} : { config: { reasoning_effort: effort } }) }] } }
  })
}

function readModelWord(text: string): { model: string; effort?: string } {
  const [, model = text, effort] = /^(.+?)(?::([a-z]+))?$/.exec(text) ?? []
  return effort === undefined ? { model } : { model, effort }
}

function readRate(text: string): RateRule {
  const [, model, factor, of] = /^([^=]+)=(\d+(?:\.\d+)?)\*(.+)$/.exec(text) ?? []
  if (model === undefined || of === undefined) throw usage(`--rate takes MODEL=FACTOR*MODEL such as gpt-5.6-terra=0.5*gpt-6.1-sol, found ${JSON.stringify(text)}`)
  return { model, factor: Number(factor), of }
}

const readAll = (value: unknown): string[] => (Array.isArray(value) ? value.map(String) : [])

/** Ids of `--models FILE`; without it the built-in list. */
async function readModels(flags: Record<string, unknown>): Promise<string[]> {
  if (typeof flags.models !== 'string') return buildFallbackModels().map(({ id }) => id)
  const value = parseJson(await readText(flags.models, 'list of models'))
  const ids = Array.isArray(value) ? value.map((model: unknown) => (isRecord(model) ? model.id : model)) : []
  if (ids.length > 0 && ids.every((id): id is string => typeof id === 'string')) return ids
  throw new ConfigurationError(`${flags.models}:1: this is no list of models. Run amplifier-chatgpt models --json`, { code: 'usage' })
}

async function readText(file: string, what: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT'
    const next = what === 'recording' ? 'Make one with amplifier-chatgpt run --record FILE' : 'Make one with amplifier-chatgpt models --json'
    throw new ConfigurationError(`cannot read the ${what} ${file}: ${missing ? 'there is no such file' : String((error as Error).message)}. ${next}`, { code: 'usage', cause: error })
  }
}

const usage = (message: string): ConfigurationError => new ConfigurationError(message, { code: 'usage' })
