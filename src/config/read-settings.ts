import { stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { JsonObject, MountPlanEntry } from '../contract/index.js'
import { findHomeFolder, isRecord } from '../lib/index.js'
import { attachOrigins, describeFinding, describeMismatch, liesInside, mergeMappings, originOf, placeFinding, readDocument, realPath } from '../documents/index.js'
import { findMisplacedKeys } from './find-misplaced-keys.js'
import type { Settings, SettingsFile, SettingsOptions } from './settings.js'
import { mergeModuleEntries, readModuleEntries, type ModuleEntry } from './module-entry.js'
import { omit } from './plan-layer.js'

/** What one settings file says. */
interface Layer {
  providers: readonly ModuleEntry[]
  values: JsonObject
}

interface ListedFile {
  file: string
  trusted: boolean
  /** folder that a project's file may not lead out of */
  inside?: string
}

/** {@link loadSettings}, with everything it needs. */
export async function readSettings(cwd: string, options: SettingsOptions): Promise<Settings> {
  return mergeFiles(await listFiles(cwd, options), options)
}

/** What the user's own settings file says, without any project's. */
export async function readUserSettings(options: SettingsOptions): Promise<Settings> {
  return mergeFiles([{ file: join(findHome(options), 'settings.yaml'), trusted: true }], options)
}

async function mergeFiles(list: readonly ListedFile[], options: SettingsOptions): Promise<Settings> {
  const warnings: string[] = []
  const files: SettingsFile[] = []
  let merged: Layer = { providers: [], values: {} }
  for (const listed of list) {
    const { file, trusted } = listed
    const layer = await readLayer(listed, warnings)
    if ('status' in layer) {
      files.push({ file, trusted, ...layer })
      continue
    }
    files.push({ file, trusted, status: 'read' })
    merged = { providers: mergeModuleEntries(merged.providers, layer.providers), values: mergeMappings(merged.values, layer.values) }
  }
  const { routing } = merged.values
  const routingDir = join(findHome(options), 'routing')
  return {
    ...((await isFolder(routingDir)) ? { routingDir } : {}),
    providers: listEntries(merged.providers, warnings),
    routing: isRecord(routing) ? routing : {},
    values: merged.values,
    warnings,
    files,
  }
}

/** The user's own `.amplifier` folder. */
function findHome(options: SettingsOptions): string {
  const env = options.env ?? process.env
  return resolve(options.home ?? findHomeFolder(env), '.amplifier')
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then((found) => found.isDirectory(), () => false)
}

async function listFiles(cwd: string, options: SettingsOptions): Promise<ListedFile[]> {
  const home = findHome(options)
  const project = resolve(cwd, '.amplifier')
  // In the home folder itself both are one: the user's own, to be read once.
  const own = (await realPath(project)) === (await realPath(home))
  const session = options.sessionFile === undefined ? undefined : resolve(options.sessionFile)
  return [
    { file: join(home, 'settings.yaml'), trusted: true },
    ...(own ? [] : [{ file: join(project, 'settings.yaml'), trusted: false, inside: resolve(cwd) }]),
    { file: join(project, 'settings.local.yaml'), trusted: own, ...(own ? {} : { inside: resolve(cwd) }) },
    ...(session === undefined ? [] : [{ file: session, trusted: own || !(await isProjects(session, resolve(cwd), home)) }]),
  ]
}

/** Whether a session's file is the project's text. The home folder's `.amplifier` may lie below the working directory without being so. */
async function isProjects(file: string, cwd: string, home: string): Promise<boolean> {
  return (await liesInside(file, cwd)) && !(await liesInside(file, home))
}

async function readLayer({ file, trusted, inside }: ListedFile, warnings: string[]): Promise<Layer | Pick<SettingsFile, 'status' | 'problem'>> {
  const skip = (problem: string): Pick<SettingsFile, 'status' | 'problem'> => {
    warnings.push(`${problem}; the file is skipped`)
    return { status: 'skipped', problem }
  }
  if (inside !== undefined && !(await liesInside(file, inside))) {
    skip(`${file} is a link that leads out of ${inside}`)
    return { status: 'skipped' }
  }
  const parsed = await readDocument({ file, whose: trusted ? 'user' : 'project' })
  if (parsed.absent) return { status: 'absent' }
  const failure = parsed.findings.find((finding) => finding.severity === 'error')
  if (failure) return skip(describeFinding(failure))
  warnings.push(...parsed.findings.map(describeFinding))
  const value = parsed.value ?? {}
  if (!isRecord(value)) return skip(`${file}:1:1: ${describeMismatch('settings', 'a mapping', value)}`)
  warnings.push(...findMisplacedKeys(value).map(describeFinding))
  for (const key of ['config', 'routing']) {
    const part = value[key]
    if (part !== undefined && part !== null && !isRecord(part)) return skip(describeWrongPart(value, key, { name: key, expected: 'a mapping', file }))
  }
  const config = isRecord(value['config']) ? value['config'] : {}
  const providers = config['providers']
  if (providers !== undefined && providers !== null && !Array.isArray(providers) && !isRecord(providers)) {
    return skip(describeWrongPart(config, 'providers', { name: 'config.providers', expected: 'a list of {module, id?, config?}', file }))
  }
  const rest = omit(config, (key) => key === 'providers')
  const values = omit(value, (key, item) => item === null || key === 'config')
  const origin = originOf(value, 'config')
  const withConfig = attachOrigins({ config: rest }, origin ? { config: origin } : {})
  return { providers: readModuleEntries(providers), values: Object.keys(rest).length === 0 ? values : mergeMappings(values, withConfig) }
}

function describeWrongPart(holder: JsonObject, key: string, { name, expected, file }: { name: string; expected: string; file: string }): string {
  return describeFinding(placeFinding({ severity: 'error', message: describeMismatch(name, expected, holder[key]) }, file, originOf(holder, key)))
}

function listEntries(entries: readonly ModuleEntry[], warnings: string[]): MountPlanEntry[] {
  return entries.flatMap((entry) => {
    const { module } = entry
    if (module !== undefined) return [Object.assign(entry, { module })]
    const origin = originOf(entry, 'id')
    const message = `the provider ${entry.id ?? ''} names no module and adds to no other; it is left out`
    warnings.push(describeFinding({ severity: 'warning', message, ...(origin ? { origin } : {}) }))
    return []
  })
}
