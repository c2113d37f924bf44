import { readFileSync } from 'node:fs'
import { TRUST_TABLE, type TrustRow } from '../../src/config/trust-table.js'

interface Schema {
  title?: string
  description?: string
  type?: string | string[]
  default?: unknown
  deprecated?: boolean
  anyOf?: Schema[]
  enum?: unknown[]
  items?: Schema
  properties?: Record<string, Schema>
  additionalProperties?: Schema | boolean
  required?: string[]
  $ref?: string
  $defs?: Record<string, Schema>
  examples?: unknown[]
  pattern?: string
  minimum?: number
  exclusiveMinimum?: number
  maximum?: number
  'x-choices'?: string[]
  'x-expected'?: string
  'x-unit'?: string
}

const HOSTS_OWN = new Set(['id', 'instance_id', 'name', 'source', 'module'])

const HEAD = `# Every option

Written from the schemas by \`npm run docs\`. Where options stand, and in which order files count, is in
[settings.md](settings.md); editors take the same from \`schemas/\`.

`

const read = (name: string): Schema => JSON.parse(readFileSync(new URL(`../../schemas/${name}.schema.json`, import.meta.url), 'utf8')) as Schema

/** docs/options.md, whole. */
export function renderOptionsPage(): string {
  const options = read('provider-config')
  const bundle = read('bundle')
  const matrix = read('routing-matrix')
  return [
    HEAD,
    '## Of the provider\n\n',
    'In the `config` of the entry `module: provider-openai-chatgpt`. A flag, a number or a list may also come as its text, and any value as',
    ' `${VAR}` from the environment.\n\n',
    table(['option', 'value', 'default', 'whose', ''], Object.entries(options.properties ?? {})
      .filter(([name]) => !HOSTS_OWN.has(name))
      .map(([name, schema]) => [`\`${name}\``, describeValue(schema), describeDefault(schema), describeOwner(TRUST_TABLE[name]), describe(schema)])),
    '\n*Whose*: **any** may be set by a project too, which then chooses models and behaviour; **user** is refused in a project\'s files; **same**',
    ' may be repeated there as it holds anyway; **name** may be a name there, not a path. [security.md](security.md) says why.\n\n',
    '## Of a bundle\n\nIn the front matter of a Markdown bundle, or a whole YAML or TOML file.\n\n',
    table(['key', 'value', ''], listKeys(bundle, bundle).map(([path, schema]) => [`\`${path}\``, describeValue(schema), describe(schema)])),
    '\n## Of a routing matrix\n\n[routing.md](routing.md) says what they do.\n\n',
    table(['key', 'value', ''], listKeys(matrix, matrix).map(([path, schema]) => [`\`${path}\``, describeValue(schema), describe(schema)])),
  ].join('')
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`.replaceAll(/ {2,}/g, ' ')
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n') + '\n'
}

const describe = (schema: Schema): string =>
  [schema.deprecated && !schema.description?.startsWith('Older') ? 'Older name.' : '', (schema.description ?? schema.title ?? '').replace(/ ?Not from a project's files\./, '')].filter(Boolean).join(' ').replaceAll('|', '\\|').replaceAll('\n', ' ')

function describeOwner(row: TrustRow | undefined): string {
  if (!row || row.who === 'user') return row?.same ? 'same' : 'user'
  return row.who === 'name' ? 'name' : 'any'
}

function describeDefault({ default: standard }: Schema): string {
  if (standard === undefined) return ''
  return `\`${typeof standard === 'string' ? standard : JSON.stringify(standard)}\``
}

function describeValue(schema: Schema): string {
  const choices = schema['x-choices'] ?? schema.enum ?? schema.anyOf?.find((part) => part.enum)?.enum
  if (choices) return choices.map((choice) => `\`${String(choice)}\``).join(', ')
  if (schema['x-expected'] !== undefined) return schema['x-expected']
  const parts = schema.anyOf ?? [schema]
  return [...new Set(parts.flatMap((part) => (part.$ref === undefined ? describeTypes(part, schema['x-unit'] ?? part['x-unit']) : ['mapping'])))].join(' or ')
}

function describeTypes(schema: Schema, unit: string | undefined): string[] {
  const types = [schema.type ?? []].flat().filter((type) => type !== 'null')
  // A text with a pattern beside another type is that type written as text.
  return types.filter((type) => type !== 'string' || types.length === 1 || schema.pattern === undefined).map((type) => {
    if (type === 'array') return `list${schema.items?.type === 'string' ? ' of texts' : ''}`
    if (type === 'object') return 'mapping'
    if (type === 'boolean') return '`true`, `false`'
    if (type === 'string') return 'text'
    return [type === 'integer' ? 'whole number' : 'number', unit ? `of ${unit}` : '', describeRange(schema)].filter(Boolean).join(' ')
  })
}

function describeRange({ minimum, exclusiveMinimum, maximum }: Schema): string {
  if (minimum !== undefined && maximum !== undefined) return `${minimum} to ${maximum}`
  if (minimum !== undefined) return `from ${minimum}`
  return exclusiveMinimum === undefined ? '' : `above ${exclusiveMinimum}`
}

/** Each key that has words or values of its own, by its path; `<name>` stands for a name of the user's. */
function listKeys(schema: Schema, root: Schema, path = '', depth = 0): [string, Schema][] {
  const target = resolve(schema, root)
  if (depth > 4) return []
  return Object.entries(target.properties ?? {}).flatMap(([name, part]): [string, Schema][] => {
    const here = path === '' ? name : `${path}.${name}`
    const inner = resolve(part, root)
    return [[here, { ...inner, ...part }], ...listChildren(inner, root, here, depth + 1)]
  }).concat(listAdditional(target, root, path, depth))
}

function listChildren(schema: Schema, root: Schema, path: string, depth: number): [string, Schema][] {
  if (schema.items) return listKeys(schema.items, root, `${path}[]`, depth)
  const lists = schema.anyOf?.find((part) => part.items)
  if (lists?.items) return listKeys(lists.items, root, `${path}[]`, depth)
  return listKeys(schema, root, path, depth)
}

function listAdditional(schema: Schema, root: Schema, path: string, depth: number): [string, Schema][] {
  if (typeof schema.additionalProperties !== 'object' || path === '') return []
  return listKeys(schema.additionalProperties, root, `${path}.<name>`, depth + 1)
}

const resolve = (schema: Schema, root: Schema): Schema => {
  const name = schema.$ref?.split('/').at(-1)
  return name === undefined ? schema : (root.$defs?.[name] ?? schema)
}
