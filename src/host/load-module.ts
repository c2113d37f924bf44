import { dirname, isAbsolute, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Cleanup, Coordinator, MountPlanEntry } from '../contract/index.js'
import { originOf } from '../documents/index.js'

/** What the host asks of a module; a `ModuleDescriptor` is one. */
export interface HostModule {
  /** A function that cleans up, `null` where the module cannot serve, nothing where there is nothing to clean up. */
  mount(coordinator: Coordinator, config?: Record<string, unknown>): Promise<Cleanup | null | void>
  onSessionReady?(coordinator: Coordinator): Promise<void> | void
}

export interface LoadModuleOptions {
  /** modules the program brings itself, by the name the plan calls them */
  modules: Readonly<Record<string, HostModule>>
  /**
   * Folder that relative sources of the program's own plan are meant from, and whose packages it may name. Default: sources
   * from the working directory, packages from the folder of the program's main file: a project that somebody works in
   * brings no packages.
   */
  baseDir?: string
  /** default: `import()` */
  importModule?: (specifier: string) => Promise<unknown>
  /** true loads what a project's files name; default false */
  allowProjectCode?: boolean
}

function isHostModule(value: unknown): value is HostModule {
  return typeof value === 'object' && value !== null && 'mount' in value && typeof value.mount === 'function'
}

function isPath(source: string): boolean {
  return source.startsWith('.') || isAbsolute(source) || /^[A-Za-z]:[\\/]/.test(source)
}

/** What to import for an entry, the likeliest first. */
function listSpecifiers(entry: MountPlanEntry, baseDir: string): string[] {
  const { source } = entry
  if (source === undefined) return [entry.module, `amplifier-module-${entry.module}`]
  if (isPath(source)) return [pathToFileURL(resolve(folderOf(entry) ?? baseDir, source)).href]
  if (/^(git\+|https?:|ssh:)/.test(source)) {
    throw new Error(`its source ${source} would have to be fetched, which this host does not do; install the package and name it as source`)
  }
  return [source]
}

/** Of the settings file or bundle that says the source; undefined where the program does. */
function folderOf(entry: MountPlanEntry): string | undefined {
  const origin = originOf(entry, 'source')
  return origin?.whose === 'user' || origin?.whose === 'project' ? dirname(origin.file) : undefined
}

function isMissing(error: unknown, specifier: string): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND' && error.message.includes(specifier)
}

async function importFirst(specifiers: readonly string[], options: LoadModuleOptions): Promise<unknown> {
  const importModule = options.importModule ?? ((specifier: string) => import(specifier) as Promise<unknown>)
  for (const specifier of specifiers) {
    try {
      return await importModule(specifier)
    } catch (error) {
      if (!isMissing(error, specifier)) throw error
    }
  }
  // Packages that only the program's own folder can see, not the one this file lives in.
  const { createRequire } = await import('node:module')
  const require = createRequire(resolve(options.baseDir ?? dirname(process.argv[1] ?? process.execPath), 'noop.js'))
  for (const specifier of specifiers) {
    if (specifier.startsWith('file:')) continue
    let path: string
    try {
      path = require.resolve(specifier)
    } catch {
      continue
    }
    return importModule(pathToFileURL(path).href)
  }
  throw new Error(`it was not found as ${specifiers.join(' or ')}; install the package, or hand it to createHost({ modules })`)
}

/**
 * The module of a mount plan entry: from `modules` by name, else imported by its `source` (a path or a
 * package name), else by its name, with and without `amplifier-module-` before it. A package's default
 * export is the module, or the package itself where it exports `mount`.
 * @throws Error saying what was looked for
 */
export async function loadModule(entry: MountPlanEntry, options: LoadModuleOptions): Promise<HostModule> {
  if (Object.hasOwn(options.modules, entry.module)) {
    const own = options.modules[entry.module]
    if (isHostModule(own)) return own
    throw new Error('what createHost({ modules }) has under its name has no mount function')
  }
  const imported = await importFirst(listSpecifiers(entry, options.baseDir ?? process.cwd()), options)
  if (typeof imported === 'object' && imported !== null) {
    if ('default' in imported && isHostModule(imported.default)) return imported.default
    if (isHostModule(imported)) return imported
  }
  throw new Error('it exports no mount function, neither as default export nor by name')
}
