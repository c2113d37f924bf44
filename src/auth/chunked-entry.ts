/** Long values in a keychain, which cuts or refuses them: parts, and a head that is written last. */
import { createHash } from 'node:crypto'
import { isRecord, parseJson, readNumber, readString } from '../lib/index.js'

/** What we use of a keychain library's entry; `@napi-rs/keyring` has this shape. */
export interface KeyringEntry {
  getPassword(): Promise<string | null | undefined>
  setPassword(password: string): Promise<unknown>
  deletePassword(): Promise<unknown>
}

export interface ChunkedEntry {
  /** undefined where there is nothing, `cut` where the parts don't make up what was saved */
  read(): Promise<{ text: string } | 'cut' | undefined>
  /**
   * @param beforeHead runs when the parts are there and nothing has been replaced yet; what it throws leaves the old value
   * @throws RangeError for a text that would need more than {@link MAX_LENGTH}
   */
  write(text: string, beforeHead?: () => Promise<void>): Promise<void>
  remove(): Promise<void>
}

/** Windows takes 2,560 bytes of UTF-16; a macOS tool cuts near 2,000. */
export const PART_LENGTH = 1000
const MAX_PARTS = 64
export const MAX_LENGTH = MAX_PARTS * PART_LENGTH

interface Head {
  generation: number
  parts: number
  sha256: string
}

/** Half a write is the old value: the head names the parts by generation, and old parts go last. */
export function createChunkedEntry(open: (username: string) => Promise<KeyringEntry>, name: string): ChunkedEntry {
  const get = async (username: string): Promise<string | undefined> => {
    const entry = await open(username)
    try {
      return (await entry.getPassword()) ?? undefined
    } catch (error) {
      if (isNoEntry(error)) return undefined
      throw error
    }
  }
  const partName = (head: Head, index: number) => `${name}#${head.generation}.${index}`
  const readHead = async () => decodeHead(await get(name))
  const removeParts = async (head: Head): Promise<void> => {
    for (let index = 0; index < head.parts; index += 1) {
      await (await open(partName(head, index))).deletePassword().catch(() => undefined)
    }
  }
  return {
    async read() {
      const head = await readHead()
      if (!head) return undefined
      let text = ''
      for (let index = 0; index < head.parts; index += 1) text += (await get(partName(head, index))) ?? ''
      return hash(text) === head.sha256 ? { text } : 'cut'
    },
    async write(value, beforeHead) {
      const text = toAscii(value)
      if (text.length > MAX_LENGTH) throw new RangeError(`takes ${MAX_LENGTH} characters, not ${text.length}`)
      const old = await readHead()
      const head: Head = { generation: (old?.generation ?? 0) + 1, parts: Math.ceil(text.length / PART_LENGTH), sha256: hash(text) }
      for (let index = 0; index < head.parts; index += 1) {
        await (await open(partName(head, index))).setPassword(text.slice(index * PART_LENGTH, (index + 1) * PART_LENGTH))
      }
      try {
        await beforeHead?.()
      } catch (error) {
        await removeParts(head)
        throw error
      }
      await (await open(name)).setPassword(JSON.stringify(head))
      if (old) await removeParts(old)
    },
    async remove() {
      const head = await readHead()
      if (!head) return
      await (await open(name)).deletePassword()
      await removeParts(head)
    },
  }
}

function decodeHead(text: string | undefined): Head | undefined {
  const value = text === undefined ? undefined : parseJson(text)
  if (!isRecord(value)) return undefined
  const generation = readNumber(value, 'generation')
  const parts = readNumber(value, 'parts')
  const sha256 = readString(value, 'sha256')
  return generation === undefined || parts === undefined || parts > MAX_PARTS || sha256 === undefined ? undefined : { generation, parts, sha256 }
}

/** The library's own words are the only thing that tells its failures apart. */
function isNoEntry(error: unknown): boolean {
  return error instanceof Error && /no (matching )?entry|not found/i.test(error.message)
}

/** Parts may be cut anywhere, so no character may be more than one unit. */
function toAscii(text: string): string {
  return text.replaceAll(/[\u007F-\uFFFF]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
