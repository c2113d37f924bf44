import { isRecord } from '../lib/index.js'

const MAX_DEPTH = 12

/** A small value that fits a JSON Schema: what it must have, and `text` wherever a string goes. Pure. */
export function buildSample(schema: unknown, text: string, root: unknown = schema, depth = 0): unknown {
  if (!isRecord(schema) || depth > MAX_DEPTH) return text
  const next = (inner: unknown) => buildSample(inner, text, root, depth + 1)
  if (typeof schema['$ref'] === 'string') return next(resolveReference(root, schema['$ref']))
  if ('const' in schema) return schema['const']
  if (Array.isArray(schema['enum'])) return schema['enum'][0]
  for (const key of ['anyOf', 'oneOf', 'allOf']) {
    const choices: unknown = schema[key]
    if (Array.isArray(choices)) return next(choices.find((choice) => isRecord(choice) && choice['type'] !== 'null') ?? choices[0])
  }
  const type = Array.isArray(schema['type']) ? schema['type'].find((each) => each !== 'null') : schema['type']
  if (type === 'number' || type === 'integer') return typeof schema['minimum'] === 'number' ? Math.ceil(schema['minimum']) : 1
  if (type === 'boolean') return true
  if (type === 'null') return null
  if (type === 'array') {
    const count = typeof schema['minItems'] === 'number' ? Math.max(1, schema['minItems']) : 1
    return schema['items'] === undefined ? [] : Array.from({ length: count }, () => next(schema['items']))
  }
  if (type === 'object' || isRecord(schema['properties'])) {
    const properties = isRecord(schema['properties']) ? schema['properties'] : {}
    const required = Array.isArray(schema['required']) ? schema['required'].map(String) : Object.keys(properties)
    return Object.fromEntries(required.map((key) => [key, next(properties[key])]))
  }
  return typeof schema['maxLength'] === 'number' ? text.slice(0, schema['maxLength']) : text
}

function resolveReference(root: unknown, reference: string): unknown {
  let value = root
  for (const key of reference.replace(/^#\/?/, '').split('/')) {
    if (key === '') continue
    value = isRecord(value) ? value[key.replaceAll('~1', '/').replaceAll('~0', '~')] : undefined
  }
  return value
}
