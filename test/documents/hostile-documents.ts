/** Documents made to exhaust a reader: generated from a seed, each a kind of attack in some size and some place of a document. */
export interface HostileDocument {
  /** the kind of attack, and where it stands */
  name: string
  ending: '.yaml' | '.toml' | '.md'
  text: string
}

interface Dice {
  pick<T>(items: readonly T[]): T
  /** from `low` to `high`, small ones as likely as large ones */
  size(low: number, high: number): number
}

/** mulberry32: the same seed, the same documents. */
function createDice(seed: number): Dice {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  return {
    pick: (items) => items[Math.floor(next() * items.length)]!,
    size: (low, high) => Math.round(low * (high / low) ** next()),
  }
}

type Attack = (dice: Dice) => string

/** YAML values that stand after `key: ` or in a line of their own. */
const YAML: Readonly<Record<string, Attack>> = {
  'open signs': (dice) => dice.pick(['[', '{', '- ', '? ', '{a: ', '[{a: ', '&a [', '!!seq [', ': ', '- - ? ']).repeat(dice.size(10, 200_000)),
  'balanced brackets': (dice) => { const depth = dice.size(10, 20_000); return '['.repeat(depth) + ']'.repeat(depth) },
  'closing signs': (dice) => dice.pick([']', '}', ',', '] ', '"', "'", '`', '@', '%', '|', '>', '*a ', '&a ', '!a ', '--- ', '...\n']).repeat(dice.size(10, 100_000)),
  'open variables': (dice) => `"${dice.pick(['${a:', '${', '${A:${', '$'])}${dice.pick(['${a:', 'x']).repeat(dice.size(10, 120_000))}"`,
  'a long text': (dice) => `${dice.pick(['"', "'", '', '|\n  ', '>\n  '])}${dice.pick(['x', 'x ', '\\n', 'é', '😀', '\\\\']).repeat(dice.size(10, 150_000))}`,
  'a number without end': (dice) => dice.pick(['1', '0x', '0o', '1.', '1e', '-', '+.', '.inf', '1_']) + dice.pick(['1', '7', '.', 'e', '_']).repeat(dice.size(10, 200_000)),
  'duplicate keys': (dice) => `\n${Array.from({ length: dice.size(10, 30_000) }, () => '  a: 1').join('\n')}`,
  'many keys': (dice) => `\n${Array.from({ length: dice.size(10, 30_000) }, (_, at) => `  key-${at}: ${at}`).join('\n')}`,
  'many items': (dice) => `\n${'  - {provider: openai, model: gpt-5.5}\n'.repeat(dice.size(10, 20_000))}`,
  'globs that cover each other': (dice) => `\n${Array.from({ length: dice.size(10, 2_000) }, (_, at) => `  - {provider: a, model: "${'*a?'.repeat(dice.size(1, 60))}${at}"}`).join('\n')}`,
  'aliases of aliases': (dice) => {
    const width = dice.size(2, 20)
    const levels = Array.from({ length: dice.size(3, 40) }, (_, level) => `  l${level}: &l${level} [${level === 0 ? 'x' : Array(width).fill(`*l${level - 1}`).join(', ')}]`)
    return `\n${levels.join('\n')}`
  },
  'an alias of a long text': (dice) => `\n  a: &a "${'x'.repeat(dice.size(10, 200_000))}"\n  b: [${'*a, '.repeat(dice.size(2, 5_000))}]`,
  'an alias inside of itself': (dice) => dice.pick(['&a [*a]', '&a {b: *a}', '&a {? *a : 1}', '*gone', '&a {<<: *a}', '{<<: [*b], a: &b {}}']),
  'merge keys': (dice) => `\n  a: &a {x: 1, y: {z: 1}}\n${'  b: {<<: [*a, *a]}\n'.repeat(1)}  c: {<<: [${'*a, '.repeat(dice.size(2, 5_000))}]}`,
  'tags': (dice) => `${dice.pick(['!!js/function', '!!python/object/apply:os.system', '!!binary', '!!set', '!!omap', '!!timestamp', '!x', '!<tag:x,1:y>', '!!int', '!!float', '!!null', '!!map', '!'])} ${dice.pick(['x', '[a]', '{a: 1}', '"2001-01-01"', '-', ''])}`,
  'keys of objects': (dice) => `{${dice.pick(['__proto__', 'constructor', 'prototype', 'toString', '"__proto__"', '? [a]', '? {a: 1}', '""', '~', '1', '<<', 'hasOwnProperty', 'then', 'toJSON'])}: ${dice.pick(['{a: 1}', '1', '[1]', 'x'])}}`,
  'control characters': (dice) => `"a${dice.pick(['\0', '\u0007', '\u001B[2J', '\u009B', '\uFEFF', '\u2028', '\uD800', '\r', '\t\t'])}b"`,
  'odd lines': (dice) => dice.pick(['\n\t', '\r', '\r\n', '\n ', '\n\n', '\u0085', '\n#']).repeat(dice.size(10, 150_000)),
  'many documents': (dice) => dice.pick(['\n---\na: 1', '\n---', '\n...', '\n%YAML 1.1\n---\n', '\n%TAG ! a\n---\n']).repeat(dice.size(1, 20_000)),
  'comments': (dice) => `1 ${dice.pick(['# x\n', '#\n', ' #', '\n# y'])}`.repeat(dice.size(10, 200_000)),
  'noise': (dice) => Array.from({ length: dice.size(10, 20_000) }, () => dice.pick([...'[]{}:,-?&*!|>\'"%@`#\n\t a1.~<=$\\'])).join(''),
}

/** TOML values, or whole lines where they begin with a line break. */
const TOML: Readonly<Record<string, Attack>> = {
  'open signs': (dice) => dice.pick(['[', '{a=', '[{a=', '[[', '{', '{a.b=']).repeat(dice.size(10, 60_000)),
  'balanced brackets': (dice) => { const depth = dice.size(10, 20_000); return '['.repeat(depth) + ']'.repeat(depth) },
  'hidden brackets': (dice) => `${dice.pick(['["""x"""" , ', "['''x'''' , ", '["\\"" , ', '[# ]]]\n', '["]]]", ', "['\\', "])}${'['.repeat(dice.size(10, 60_000))}`,
  'open strings': (dice) => dice.pick(['"', '"""', "'''", "'", '"\\']) + dice.pick(['\\"', 'x', '"', "''", '\\\\', '\n']).repeat(dice.size(10, 60_000)),
  'dotted keys': (dice) => `1\n${'a.'.repeat(dice.size(10, 60_000))}b = 1`,
  'dotted tables': (dice) => `1\n[${'a.'.repeat(dice.size(10, 60_000))}b]\nx = 1`,
  'many tables': (dice) => `1\n${Array.from({ length: dice.size(10, 6_000) }, (_, at) => `[t${at}]\nn = 1`).join('\n')}`,
  'lists of tables': (dice) => `1\n${'[[t]]\nn = 1\n[t.u]\nv.w = 2\n'.repeat(dice.size(10, 4_000))}`,
  'duplicates': (dice) => `1\n${dice.pick(['a = 1\n', '[a]\n', '[[a]]\n[a]\n', 'a.b = 1\n', '"a" = 1\n', 'a = {a = 1, a = 2}\n', '[__proto__]\nx = 1\n', 'a = [1]\n[[a]]\n'])}`.repeat(dice.size(1, 2_000)),
  'numbers and days': (dice) => dice.pick(['9'.repeat(400), `1${'_1'.repeat(dice.size(10, 20_000))}`, '0xfffffffffffffffff', '1979-13-45', '1979-05-27T07:32:00Z', 'inf', 'nan', '1e999', '07', '+-1']),
  'many values': (dice) => `[${dice.pick(['1,', '[],', '{},', '"",', '{a=1},']).repeat(dice.size(10, 20_000))}]`,
  'open variables': (dice) => `"${'${a:'.repeat(dice.size(10, 15_000))}"`,
  'control characters': (dice) => `"a${dice.pick(['\0', '\u0007', '\u001B', '\u007F', '\uD800', '\r'])}b"`,
  'noise': (dice) => Array.from({ length: dice.size(10, 20_000) }, () => dice.pick([...'[]{}=.,"\'#\n\t a1-_\\'])).join(''),
}

const YAML_PLACES: readonly (readonly [name: string, place: (attack: string) => string])[] = [
  ['alone', (attack) => attack],
  ['in a key', (attack) => `a: ${attack}`],
  ['in an option', (attack) => `bundle: {name: x}\nproviders:\n  - module: provider-openai-chatgpt\n    config:\n      default_model: ${attack.replaceAll('\n', '\n      ')}`],
  ['in options', (attack) => `providers:\n  - module: provider-openai-chatgpt\n    config: ${attack.replaceAll('\n', '\n    ')}`],
  ['in includes', (attack) => `includes: ${attack}`],
  ['in agents', (attack) => `agents: ${attack}`],
  ['in routing', (attack) => `routing:\n  overrides: ${attack.replaceAll('\n', '\n  ')}`],
  ['in roles', (attack) => `name: x\nroles: ${attack}`],
  ['in candidates', (attack) => `name: x\nroles:\n  fast: {candidates: []}\n  general:\n    candidates: ${attack.replaceAll('\n', '\n    ')}`],
  ['in a preset', (attack) => `name: x\npreset: ${attack}\nroles: {general: {candidates: []}, fast: {candidates: []}}`],
]

const TOML_PLACES: typeof YAML_PLACES = [
  ['in a key', (attack) => `a = ${attack}`],
  ['in options', (attack) => `[[providers]]\nmodule = "provider-openai-chatgpt"\n[providers.config]\ndefault_model = ${attack}`],
  ['in roles', (attack) => `name = "x"\n[roles.general]\ncandidates = ${attack}`],
]

/** Every kind of attack in every place at least once, then more of them, in sizes by the seed. */
export function buildHostileDocuments(seed: number, count: number): HostileDocument[] {
  const dice = createDice(seed)
  const yaml = combine(YAML, YAML_PLACES)
  const toml = combine(TOML, TOML_PLACES)
  return Array.from({ length: count }, (_, at): HostileDocument => {
    const isToml = at % 5 === 4
    const all = isToml ? toml : yaml
    const [name, make] = all[Math.floor(at / 5) * (isToml ? 1 : 4) + (isToml ? 0 : at % 5)] ?? dice.pick(all)
    const text = make(dice)
    if (isToml) return { name, ending: '.toml', text }
    return at % 7 === 3 ? { name, ending: '.md', text: `---\n${text}\n---\nbody\n` } : { name, ending: '.yaml', text }
  })
}

function combine(attacks: Readonly<Record<string, Attack>>, places: typeof YAML_PLACES): (readonly [name: string, make: Attack])[] {
  return Object.entries(attacks).flatMap(([attack, build]) =>
    places.map(([place, put]) => [`${attack} ${place}`, (dice: Dice) => put(build(dice))] as const))
}
