import { MAX_NESTING } from './parsed.js'

/**
 * Where the keys of a TOML text stand: the parser we use answers values only. Expects a text that has
 * been parsed without an error, so it need not judge, only find its way past strings and brackets.
 */
export interface TomlPlace {
  /** from the root: table names, keys, indexes of lists as text */
  path: readonly string[]
  offset: number
}

/** Every key and list item, in the order of the text. */
export function locateTomlKeys(text: string): TomlPlace[] {
  const scan = createScanner(text)
  const places: TomlPlace[] = []
  const counts = new Map<string, number>()
  let table: string[] = []
  for (scan.skipBlank(); !scan.atEnd(); scan.skipBlank()) {
    const offset = scan.offset()
    if (scan.take('[')) {
      const many = scan.take('[')
      table = resolveTable(scan.keys(), many, counts)
      pushPrefixes(places, [], table, offset)
      scan.take(']')
      scan.take(']')
    } else {
      readPair(scan, table, places)
    }
  }
  return places
}

/** The path of a header, with the index of the newest item where a part names a list of tables. */
function resolveTable(names: readonly string[], many: boolean, counts: Map<string, number>): string[] {
  const path: string[] = []
  for (const [index, name] of names.entries()) {
    path.push(name)
    const key = JSON.stringify(path)
    const last = index === names.length - 1
    if (last && many) counts.set(key, (counts.get(key) ?? 0) + 1)
    const count = counts.get(key)
    if (count !== undefined) path.push(String(count - 1))
  }
  return path
}

function readPair(scan: Scanner, base: readonly string[], places: TomlPlace[]): void {
  const offset = scan.offset()
  const names = scan.keys()
  pushPrefixes(places, base, names, offset)
  scan.skipBlank()
  scan.take('=')
  readValue(scan, [...base, ...names], places)
}

/** A dotted name makes all the tables on its way; past the bound one place is enough to refuse it. */
function pushPrefixes(places: TomlPlace[], base: readonly string[], names: readonly string[], offset: number): void {
  const longest = Math.min(names.length, MAX_NESTING + 1)
  for (let length = 1; length <= longest; length += 1) places.push({ path: [...base, ...names.slice(0, length)], offset })
}

function readValue(scan: Scanner, path: readonly string[], places: TomlPlace[]): void {
  scan.skipBlank()
  if (scan.take('[')) {
    for (let index = 0; scan.skipBlank(), !scan.atEnd() && !scan.take(']'); ) {
      if (scan.take(',')) continue
      const item = [...path, String(index)]
      places.push({ path: item, offset: scan.offset() })
      readValue(scan, item, places)
      index += 1
    }
  } else if (scan.take('{')) {
    while ((scan.skipBlank(), !scan.atEnd() && !scan.take('}'))) {
      if (!scan.take(',')) readPair(scan, path, places)
    }
  } else if (!scan.string()) {
    scan.bare()
  }
}

type Scanner = ReturnType<typeof createScanner>

function createScanner(text: string) {
  let at = 0
  const match = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at
    const found = pattern.exec(text)?.[0]
    if (found !== undefined) at += found.length
    return found
  }
  /** A quoted string with its quotes, undefined where none stands here. */
  const string = (): string | undefined =>
    match(/"""(?:[^\\]|\\[^])*?"""(?:"{1,2}(?!"))?/y) ?? match(/'''[^]*?'''(?:'{1,2}(?!'))?/y) ?? match(/"(?:[^"\\\n]|\\.)*"/y) ?? match(/'[^'\n]*'/y)
  const key = (): string => {
    const quoted = string()
    if (quoted === undefined) return match(/[^\s.=\]"']+/y) ?? ''
    if (quoted.startsWith("'")) return quoted.slice(1, -1)
    return unquote(quoted)
  }
  return {
    atEnd: () => at >= text.length,
    offset: () => at,
    /** Past white space, line ends and comments. */
    skipBlank: () => void match(/(?:\s|#[^\n]*)*/y),
    take: (token: string): boolean => {
      if (!text.startsWith(token, at)) return false
      at += token.length
      return true
    },
    string,
    /** Past a number, a date, a word; always moves on, so that no text can hold us. */
    bare: () => {
      if (match(/[^,\]}\s#]+(?: \d[^,\]}\s#]*)?/y) === undefined) at += 1
    },
    /** A dotted key. */
    keys: (): string[] => {
      const names: string[] = []
      do {
        match(/[ \t]*/y)
        names.push(key())
        match(/[ \t]*/y)
      } while (match(/\./y) !== undefined)
      return names
    },
  }
}

/** JSON knows every escape of a TOML basic string but the long unicode one, `\e` and `\x`. */
function unquote(quoted: string): string {
  try {
    return JSON.parse(quoted.replaceAll('\t', '\\t')) as string
  } catch {
    return quoted.slice(1, -1)
  }
}
