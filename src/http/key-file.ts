import { randomBytes } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { ConfigurationError } from '../contract/index.js'
import { isRecord, parseJson, readString } from '../lib/index.js'
import { hashKey, type StoredKey } from './key-ring.js'
import { createPrivateText } from './private-text.js'

/** Keys with names, in a file of mode 0600 that holds their hashes alone. */
export interface KeyFile {
  readonly path: string
  /** @throws ConfigurationError where the file is another's or is damaged */
  list(): Promise<readonly StoredKey[]>
  /** @returns the key, which is kept nowhere. @throws ConfigurationError for a name that is taken or is none */
  add(name: string): Promise<string>
  /** @returns whether there was one of that name */
  revoke(name: string): Promise<boolean>
  /** The keys as they stood within the last 100 ms; none where the file cannot be believed any more. */
  current(): readonly StoredKey[]
}

const NAME = /^[\w.@-]{1,64}$/
const SHA256 = /^[0-9a-f]{64}$/

export function createKeyFile(path: string, { now = Date.now, monotonic = () => performance.now() }: { now?: () => number; monotonic?: () => number } = {}): KeyFile {
  const text = createPrivateText(path)
  const change = (apply: (keys: readonly StoredKey[]) => readonly StoredKey[]): Promise<unknown> =>
    text.update((before) => `${JSON.stringify({ keys: apply(decode(path, before)) }, undefined, 2)}\n`)
  return {
    path,
    list: async () => decode(path, await text.read()),
    async add(name) {
      if (!NAME.test(name)) throw new ConfigurationError(`a key's name takes 1 to 64 letters, digits and . _ @ -, found ${JSON.stringify(name)}`, { code: 'usage' })
      const key = `local-${randomBytes(32).toString('base64url')}`
      await change((keys) => {
        if (keys.some((known) => known.name === name)) throw new ConfigurationError(`there is a key of the name ${name} already. Run amplifier-chatgpt serve keys revoke ${name}, or choose another`, { code: 'usage' })
        return [...keys, { name, sha256: hashKey(key), created_at: new Date(now()).toISOString() }]
      })
      return key
    },
    async revoke(name) {
      let found = false
      await change((keys) => {
        const left = keys.filter((known) => known.name !== name)
        found = left.length < keys.length
        return left
      })
      return found
    },
    current: createReader(path, monotonic),
  }
}

/** A look at the file takes 20 µs: requests that come close together share one. */
const LOOK_EVERY_MS = 100

/** The file is replaced as a whole, so a new one has another inode. */
function createReader(path: string, monotonic: () => number): () => readonly StoredKey[] {
  let seen = ''
  let keys: readonly StoredKey[] = []
  let lookedAt = -Infinity
  return () => {
    if (monotonic() - lookedAt < LOOK_EVERY_MS) return keys
    lookedAt = monotonic()
    const found = statSync(path, { throwIfNoEntry: false })
    const mark = found ? `${found.ino} ${found.mtimeMs} ${found.ctimeMs} ${found.size}` : ''
    if (mark === seen) return keys
    seen = mark
    keys = found?.isFile() && isPrivate(found) ? readKeys(path) : []
    return keys
  }
}

function isPrivate({ uid, mode }: { uid: number; mode: number }): boolean {
  if (process.platform === 'win32') return true
  return (mode & 0o077) === 0 && (uid === process.geteuid?.() || uid === 0)
}

function readKeys(path: string): readonly StoredKey[] {
  try {
    return decode(path, readFileSync(path, 'utf8'))
  } catch {
    return []
  }
}

function decode(path: string, text: string | undefined): StoredKey[] {
  if (text === undefined) return []
  const value = parseJson(text)
  const keys = isRecord(value) && Array.isArray(value.keys) ? value.keys : undefined
  const read = keys?.filter(isRecord).map((key) => ({ name: readString(key, 'name') ?? '', sha256: readString(key, 'sha256') ?? '', created_at: readString(key, 'created_at') ?? '' }))
  if (!keys || read?.length !== keys.length || !read.every(({ name, sha256 }) => NAME.test(name) && SHA256.test(sha256))) {
    throw new ConfigurationError(`${path} does not hold keys as serve keys writes them: remove it and add them anew`, { code: 'key_file' })
  }
  return read
}
