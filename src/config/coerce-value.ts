import { parseJson } from '../lib/index.js'

/** The parts of an option's JSON Schema that we read. */
export interface OptionSchema {
  description?: string
  type?: string | readonly string[]
  anyOf?: readonly unknown[]
  default?: unknown
  minimum?: number
  exclusiveMinimum?: number
  maximum?: number
  writeOnly?: boolean
  'x-choices'?: readonly string[]
  'x-unit'?: string
  'x-expected'?: string
  /** what null says; absent: not set */
  'x-null'?: string
  /** blank text would choose another file or name than was meant */
  'x-blank'?: string
}

const TRUE = new Set(['true', 'yes', 'on', '1'])
const FALSE = new Set(['false', 'no', 'off', '0'])
const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i

/**
 * The value in the option's own type, where a text stands for it: `'yes'`, `'0.5'`, JSON text for a
 * mapping, one folder for a list. What cannot be read is answered as it is, for the validator to refuse.
 * Empty text and null answer undefined: not set, unless the option gives them a meaning.
 */
export function coerceValue(value: unknown, schema: OptionSchema): unknown {
  if (value === null) return schema['x-null']
  if (value === undefined) return undefined
  if (typeof value !== 'string') return value
  const text = value.trim()
  if (text === '') return schema['x-blank'] === 'refused' ? '' : undefined
  switch (kindOf(schema)) {
    case 'boolean': {
      const word = text.toLowerCase()
      return TRUE.has(word) ? true : FALSE.has(word) ? false : value
    }
    case 'number':
    case 'integer':
      return NUMBER.test(text) ? Number(text) : value
    case 'object':
      return parseJson(text) ?? value
    case 'array':
      return text.startsWith('[') ? (parseJson(text) ?? value) : [text]
    case 'choice': {
      const word = text.toLowerCase()
      return schema['x-choices']?.includes(word) ? word : value
    }
    default:
      return text
  }
}

/** What an error says the option takes. */
export function describeExpected(schema: OptionSchema): string {
  if (schema['x-expected'] !== undefined) return schema['x-expected']
  if (schema['x-choices']) return `one of ${schema['x-choices'].join(', ')}`
  switch (kindOf(schema)) {
    case 'boolean':
      return 'true or false'
    case 'number':
    case 'integer':
      return describeNumber(schema)
    case 'object':
      return 'a mapping'
    case 'array':
      return 'a list'
    default:
      return 'a text'
  }
}

function describeNumber(schema: OptionSchema): string {
  const noun = kindOf(schema) === 'integer' ? 'a whole number' : 'a number'
  const unit = schema['x-unit'] === undefined ? '' : ` of ${schema['x-unit']}`
  const low = schema.minimum !== undefined ? ` from ${schema.minimum}` : schema.exclusiveMinimum !== undefined ? ` above ${schema.exclusiveMinimum}` : ''
  return `${noun}${unit}${low}${schema.maximum === undefined ? '' : ` up to ${schema.maximum}`}`
}

function kindOf(schema: OptionSchema): string {
  if (schema['x-choices']) return 'choice'
  return (typeof schema.type === 'string' ? schema.type : schema.type?.[0]) ?? 'string'
}
