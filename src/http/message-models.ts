import type { Exchange } from './endpoint.js'
import { listIds } from './model-names.js'

/** What serves a model name of the Messages dialect where nothing else was said, by the family in the name. */
const FAMILIES: Readonly<Record<string, string>> = { opus: 'role:reasoning', sonnet: 'role:coding', haiku: 'role:fast' }
/** Every family's full name contains the maker's word: it counts where no family does. */
const MAKER: Readonly<Record<string, string>> = { claude: 'role:general' }

/**
 * The model or role that serves a name of the Messages dialect: a name that the account or the matrix has stays; then
 * the whole name in the map, then the longest word of the map that the name contains, then the default of its family.
 * @throws LLMError where the wait for the account's list was ended
 */
export async function chooseMessageModel(exchange: Exchange, asked: unknown): Promise<unknown> {
  const { endpoint } = exchange
  if (typeof asked !== 'string' || asked === '' || asked.startsWith('role:') || endpoint.roles.includes(asked)) return asked
  // Claude Code marks its long context so.
  const name = asked.replace(/\[1m\]$/, '')
  const mapped = findMapped(endpoint.messageModels, name)
  if (mapped !== undefined) return mapped
  const ids = (await listIds(exchange)) ?? []
  if (ids.includes(name)) return name
  const role = findMapped(FAMILIES, name) ?? findMapped(MAKER, name)
  if (role === undefined) return name
  if (endpoint.roles.includes(role.slice('role:'.length))) return role
  // Without a matrix the account's own choice serves: the first listed.
  return ids[0] ?? name
}

function findMapped(map: Readonly<Record<string, string>>, name: string): string | undefined {
  if (Object.hasOwn(map, name)) return map[name]
  const word = Object.keys(map).filter((key) => name.includes(key)).sort((a, b) => b.length - a.length)[0]
  return word === undefined ? undefined : map[word]
}
