import {
  admitCallerConfig, attachOrigins, buildMountPlan, isOurModule, loadBundle, loadSettings, MODULE_ID, originsOf, resolveOptions,
  type Bundle, type ProviderOptions, type Settings,
} from '../config/index.js'
import { findPassedOver } from '../config/find-passed-over.js'
import { MOUNT_NAME } from '../config/module-entry.js'
import { refuseModuleChanges } from '../config/judge-entry.js'
import { ConfigurationError, type MountPlan, type MountPlanEntry } from '../contract/index.js'
import { isRecord, parseJson } from '../lib/index.js'
import type { CommandContext } from './command-context.js'
import { writeNotice } from './terminal.js'

export interface CommandConfig {
  plan: MountPlan
  /** our provider's entry in the plan */
  entry: MountPlanEntry
  options: ProviderOptions
  settings: Settings
  bundle?: Bundle
  /** what was printed already, which the mount would say again */
  warnings: readonly string[]
  /** variables of the environment that a settings file outdoes, a sentence each */
  passedOver: readonly string[]
}

/** Options of the command line that stand for a key of the mount config. They count as the user's own. */
const FLAGS: Readonly<Record<string, string>> = {
  account: 'account', lane: 'lane', baseUrl: 'base_url', issuer: 'issuer', tokenFile: 'token_file_path', transport: 'transport',
  matrix: 'matrix', effort: 'reasoning_effort',
}

/**
 * What a mount from here would be given: the user's and the project's settings, the bundle, then the
 * command line. Warnings go to stderr.
 * @throws ConfigurationError
 */
export async function readConfig(context: CommandContext, options: Record<string, unknown>): Promise<CommandConfig> {
  const { env } = context.terminal
  const sent = env.AMPLIFIER_CHATGPT_CALLER_CONFIG
  const settings = sent === undefined ? await loadSettings(process.cwd(), { env }) : await admitSettings(sent, env)
  failOnBroken(settings)
  const bundle = typeof options.bundle === 'string' ? await loadBundle(options.bundle) : undefined
  const plan = planWithUs(settings, bundle)
  const providers = plan.providers ?? []
  refuseModuleChanges(providers)
  const found = providers.find((entry) => isOurModule(entry.module))
  const before = found?.config ?? {}
  const flags = readFlags(options)
  const origins = Object.fromEntries(Object.entries(originsOf(before)).filter(([key]) => !(key in flags)))
  const config = attachOrigins({ usage_totals: true, ...before, login_on_mount: false, ...flags }, origins)
  // A matrix that names the modules that may serve it finds a mount by its entry's name.
  const name = found?.id === undefined && found?.instance_id === undefined ? { id: MOUNT_NAME } : {}
  const entry: MountPlanEntry = { ...found, ...name, module: found?.module ?? MODULE_ID, config }
  const resolved = resolveOptions(config, { env })
  const warnings = [...settings.warnings, ...(bundle?.warnings ?? []), ...resolved.warnings]
  for (const warning of warnings) writeNotice(context.terminal, `warning: ${warning}`)
  return {
    plan: { ...plan, providers: found ? providers.map((other) => (other === found ? entry : other)) : [...providers, entry] },
    entry,
    options: resolved.options,
    settings,
    warnings,
    passedOver: findPassedOver(before, env, flags),
    ...(bundle ? { bundle } : {}),
  }
}

/**
 * The config of the program that runs us and doesn't say where it has it from, in place of every settings file:
 * the Python package's, for the sign-in of a mount. AMPLIFIER_CHATGPT_CALLER_TRUST=1 says that it built the config itself.
 */
async function admitSettings(sent: string, env: NodeJS.ProcessEnv): Promise<Settings> {
  const value = parseJson(sent)
  if (!isRecord(value)) throw new ConfigurationError('AMPLIFIER_CHATGPT_CALLER_CONFIG must be the JSON text of an object', { code: 'invalid_config' })
  const config = await admitCallerConfig(value, { env, isHostBuilt: env.AMPLIFIER_CHATGPT_CALLER_TRUST === '1' })
  return { providers: [{ module: MODULE_ID, config }], routing: {}, values: {}, warnings: [], files: [] }
}

/** A host may go on without a settings file that cannot be read; a command would run by other settings than its user has written. */
function failOnBroken({ files }: Settings): void {
  const broken = files.flatMap(({ problem }) => problem ?? [])
  if (broken.length > 0) throw new ConfigurationError(`${broken.join('; ')}. Mend the file, or move it away`, { code: 'invalid_config' })
}

/** A plan that mounts nobody of ours mounts us: the settings' routing counts then too. */
function planWithUs(settings: Settings, bundle: Bundle | undefined): MountPlan {
  const parts = bundle ? { bundle } : {}
  const plan = buildMountPlan({ settings, ...parts })
  if (plan.providers?.some((entry) => isOurModule(entry.module))) return plan
  return buildMountPlan({ settings: { ...settings, providers: [...settings.providers, { module: MODULE_ID }] }, ...parts })
}

function readFlags(options: Record<string, unknown>): Record<string, unknown> {
  const flags: Record<string, unknown> = {}
  for (const [flag, key] of Object.entries(FLAGS)) if (options[flag] !== undefined) flags[key] = options[flag]
  for (const pair of Array.isArray(options.config) ? (options.config as string[]) : []) {
    const [key, ...rest] = pair.split('=')
    if (!key || rest.length === 0) throw new ConfigurationError(`--config takes key=value, found ${JSON.stringify(pair)}`, { code: 'usage' })
    flags[key] = rest.join('=')
  }
  return flags
}
