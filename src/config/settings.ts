import type { JsonObject, MountPlanEntry } from '../contract/index.js'
import type { Environment } from './expand-variables.js'

export interface SettingsOptions {
  /** the user's home folder; default the environment's HOME, else the system's answer */
  home?: string
  env?: Environment
  /** the session's own settings, which the host wrote: read last, and trusted unless it lies in the working directory */
  sessionFile?: string
}

export interface SettingsFile {
  file: string
  trusted: boolean
  status: 'read' | 'absent' | 'skipped'
  /** with `skipped`: what its text has wrong, with file, line and column; absent where it was not to be read */
  problem?: string
}

export interface Settings {
  /** `config.providers`, merged by `id`, else `module` */
  providers: MountPlanEntry[]
  /** `{matrix?, overrides?}`, empty where no file says anything */
  routing: JsonObject
  /** `~/.amplifier/routing`, the user's own matrices, where that folder exists */
  routingDir?: string
  /** everything else the files say, merged */
  values: JsonObject
  warnings: string[]
  /** in the order they were read: later ones win */
  files: SettingsFile[]
}
