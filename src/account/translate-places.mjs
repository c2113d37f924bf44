/** Translates the rule of places to Lua, for Redis, so that there is one rule and not a second one by hand. */
import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'

const target = new URL('place-rule-lua.ts', import.meta.url)

/** In the order in which Lua must read them. */
const SOURCES = ['place-state.ts', 'place-ring.ts', 'place-rule.ts']

/** One text: a script in Redis has no modules. */
const readRule = () => SOURCES.map((name) => readFileSync(new URL(name, import.meta.url), 'utf8').replaceAll(/^import .* from '\.\/place-\w+\.js'$/gm, '')).join('\n')

/** Says which text of the rule a translation is of. */
export function hashRule(source = readRule()) {
  return createHash('sha256').update(source).digest('hex').slice(0, 16)
}

/** The module that {@link writePlaces} writes. */
export async function translatePlaces() {
  const { default: tstl } = await import('typescript-to-lua')
  const source = readRule()
  const { diagnostics, transpiledFiles } = tstl.transpileVirtualProject({ 'place-rule.ts': source }, {
    luaTarget: '5.1', luaLibImport: 'inline', noImplicitSelf: true, noHeader: true, removeComments: true, strict: true, target: 99, lib: ['lib.esnext.d.ts'], types: [],
  })
  if (diagnostics.length > 0) throw new Error(diagnostics.map(({ messageText }) => String(messageText)).join('\n'))
  return `// Generated from place-rule.ts ${hashRule(source)} by \`node build.config.mjs places\`.\nexport const PLACE_RULE_LUA = String.raw\`\n${transpiledFiles[0].lua}\`\n`
}

export async function writePlaces() {
  writeFileSync(target, await translatePlaces())
}
