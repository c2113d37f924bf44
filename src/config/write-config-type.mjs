/**
 * Build step: the mount config as a TypeScript type, from its schema, so that a program's misspelt option does not compile
 * and an editor shows each option's words. The schema stays the one list of options.
 */

const KINDS = { string: 'string', integer: 'number', number: 'number', boolean: 'boolean', object: 'Record<string, unknown>', array: 'readonly string[]', null: 'null' }
/** A text that stands for a variable of the environment. */
const VARIABLE = '`\\${${string}}`'

/** @returns the declaration of `ProviderConfig` */
export function writeConfigType(schema) {
  const options = Object.entries(schema.properties).map(([name, option]) => `  /** ${describe(option)} */\n  ${name}?: ${typeOf(option)}`)
  return `/** ${schema.description} */\nexport type ProviderConfig = {\n${options.join('\n')}\n}\n`
}

/** null is "not set" for every option. */
function typeOf({ type = [], 'x-choices': choices }) {
  if (choices) return [...choices.map((word) => `'${word}'`), VARIABLE, 'null'].join(' | ')
  const kinds = [type].flat().map((kind) => KINDS[kind])
  return kinds.length === 0 ? 'unknown' : [...new Set([...kinds, 'null'])].join(' | ')
}

function describe({ description, default: standard, deprecated }) {
  const words = [description, standard !== undefined && `Default ${JSON.stringify(standard)}.`].filter(Boolean).join(' ')
  return `${deprecated ? '@deprecated ' : ''}${words.replaceAll('*/', '*\\/')}`
}
