import { dirname, isAbsolute, resolve } from 'node:path'
import { ConfigurationError, LANE_WORDS } from '../contract/index.js'
import { describeOrigin, type Origin } from '../documents/index.js'
import { findHomeFolder } from '../lib/index.js'
import { coerceValue } from './coerce-value.js'
import { expandVariables, type Environment } from './expand-variables.js'
import { OPTION_ALIASES, OPTION_SCHEMAS } from './option-schema.js'

export interface PathContext {
  env: Environment
  /** where `~` leads; default the environment's HOME, else the system's answer */
  home?: string
  /** where relative paths without a file of their own start; default the process's folder */
  cwd?: string
}

/** The option's name in force for an older one. */
export function optionInForce(name: string): string {
  return OPTION_ALIASES[name] ?? name
}

/** A value in the option's own type, `${VAR}` filled in; undefined where it says "not set". */
export function readOption(name: string, raw: unknown, env: Environment): unknown {
  const value = coerceValue(expandVariables(raw, env), OPTION_SCHEMAS[name] ?? {})
  return optionInForce(name) === 'lane' && typeof value === 'string' ? (LANE_WORDS[value] ?? value) : value
}

/** Of a value that a variable of the environment holds. */
export function environmentOrigin(variable: string | undefined): Origin {
  return { file: `the environment variable ${variable ?? ''}`, line: 1, column: 1, whose: 'environment' }
}

/** Where an option's value came from, in brackets behind what is said of it. */
export function describePlace(origin: Origin | undefined): string {
  return origin === undefined ? 'in the mount config' : describeOrigin(origin)
}

/**
 * An absolute path: relative ones start at the folder of the file that says them.
 * @throws ConfigurationError for a relative path in the environment: in the working directory it would be a project's file
 */
export function resolvePath(path: string, origin: Origin | undefined, context: PathContext): string {
  const home = context.home ?? findHomeFolder(context.env)
  const inFile = origin?.whose === 'user' || origin?.whose === 'project'
  const absolute = path.replace(/^~(?=$|[\\/])/, () => home)
  if (origin?.whose === 'environment' && !isAbsolute(absolute)) {
    throw new ConfigurationError(`${origin.file} has the relative path ${JSON.stringify(path)}, which would be a file of the folder one happens to be in; write an absolute one, or ~/…`, { code: 'relative_path' })
  }
  return resolve(inFile ? dirname(origin.file) : (context.cwd ?? '.'), absolute)
}
