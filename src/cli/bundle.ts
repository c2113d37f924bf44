import { buildMountPlan, describeFinding, listOrigins, loadBundle, loadSettings, originOf, validateBundle, type Bundle, type Finding } from '../config/index.js'
import { ConfigurationError } from '../contract/index.js'
import { redactAddresses, redactKeys } from '../lib/index.js'
import type { CommandContext } from './command-context.js'
import { EXIT } from './exit-codes.js'
import { findUnknownRoles } from './find-unknown-roles.js'
import { listFiles } from './list-files.js'
import { createPrint } from './print.js'

/** What a bundle comes to, and which file and line every value is from. */
export async function showBundle(context: CommandContext, flags: Record<string, unknown>, words: readonly string[]): Promise<number> {
  const print = createPrint(context, flags)
  const bundle = await loadBundle(requireFile(words, 'show'))
  const built = buildMountPlan({ bundle })
  const origins = listOrigins(built)
  // `${VAR}` has been filled in by now: what stands there may be a key.
  const plan = hideSecrets(built)
  print.line(`${print.paint.bold(bundle.bundle.name)}${bundle.bundle.version ? ` ${bundle.bundle.version}` : ''} from ${bundle.files.length} files`)
  const rows = Object.entries(origins).map(([path, { file, line, shadowed }]) => [
    path, shorten(read(plan, path)), `${file}:${line}`, shadowed && shadowed.length > 0 ? `over ${shadowed.map((other) => `${other.file}:${other.line}`).join(', ')}` : '',
  ])
  print.table([{ title: 'key' }, { title: 'value' }, { title: 'from' }, { title: '' }], rows)
  const replaced = await findReplaced(context, bundle)
  for (const { key, value, file, line } of replaced) print.line(print.paint.yellow(`in a session from here ${key} is ${shorten(value)}, by ${file}:${line}: settings count before a bundle`))
  for (const warning of bundle.warnings) print.line(print.paint.yellow(warning))
  print.value({ bundle: bundle.bundle, plan, replaced, agents: hideSecrets(bundle.agents), instructions: bundle.instructions, files: bundle.files, origins, warnings: bundle.warnings })
  return EXIT.ok
}

/** What the settings in force here say of routing in the bundle's place. */
async function findReplaced({ terminal: { env } }: CommandContext, bundle: Bundle): Promise<{ key: string; value: unknown; file: string; line: number }[]> {
  const { routing } = await loadSettings(process.cwd(), { env })
  return Object.entries(routing).flatMap(([key, value]) => {
    const { file, line } = originOf(routing, key) ?? {}
    const isOther = bundle.routing !== undefined && key in bundle.routing && JSON.stringify(bundle.routing[key]) !== JSON.stringify(value)
    return isOther && file !== undefined && line !== undefined ? [{ key: `routing.${key}`, value: hideSecrets(value), file, line }] : []
  })
}

/** Every finding of bundles and what they include. As JSON: `{file, findings}`, a list of these for several files. */
export async function checkBundle(context: CommandContext, flags: Record<string, unknown>, words: readonly string[]): Promise<number> {
  const print = createPrint(context, flags)
  requireFile(words, 'validate')
  const checked: { file: string; findings: readonly Finding[] }[] = []
  for (const file of await listFiles(words)) {
    const problems = await validateBundle(file, { env: context.terminal.env })
    const findings = countErrors(problems) > 0 ? problems : [...problems, ...(await findUnknownRoles(context, file))]
    for (const finding of findings) {
      print.line(`${finding.severity === 'error' ? print.paint.red('error') : print.paint.yellow('warning')} ${describeFinding(finding)}`)
    }
    print.line(`${file}: ${countErrors(findings)} errors, ${findings.length - countErrors(findings)} warnings`)
    checked.push({ file, findings })
  }
  print.value(checked.length === 1 ? checked[0] : checked)
  return checked.some(({ findings }) => countErrors(findings) > 0) ? EXIT.usage : EXIT.ok
}

function countErrors(findings: readonly Finding[]): number {
  return findings.filter(({ severity }) => severity === 'error').length
}

function hideSecrets(value: unknown): unknown {
  return redactKeys(value, redactAddresses)
}

function requireFile(words: readonly string[], verb: string): string {
  const [file] = words
  if (file === undefined) throw new ConfigurationError(`bundle ${verb} takes a bundle's file`, { code: 'usage' })
  return file
}

function read(value: unknown, path: string): unknown {
  return path.split('.').reduce<unknown>((part, key) => (typeof part === 'object' && part !== null ? Reflect.get(part, key) : undefined), value)
}

function shorten(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? '')
  return text.length > 60 ? `${text.slice(0, 57)}…` : text
}
