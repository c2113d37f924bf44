import { basename, dirname, join } from 'node:path'
import { findHomeFolder, isRecord, parseJson, PlainFileError, readPlainFile, withFileLock } from '../lib/index.js'
import type { Persisted } from './persisted.js'

export interface StateFileOptions {
  /** One line where the file could not be read; default: nothing. */
  warn?: (message: string) => void
  /** ms since 1970 */
  now?: () => number
  random?: () => number
}

export interface StateFile {
  readonly path: string
  /** The place of one account's section, such as `quota`; `accountKey` is a hash that names the account. */
  persisted(accountKey: string, section: string): Persisted
}

type Content = Record<string, unknown>

/** `~/.amplifier/openai-chatgpt-state.json` */
export function defaultStatePath(home: string = findHomeFolder()): string {
  return join(home, '.amplifier', 'openai-chatgpt-state.json')
}

/** More accounts than anybody has; tests and gateways make them up by the dozen. */
const MOST_ACCOUNTS = 50
/** A file of this size is not ours. */
const MOST_BYTES = 16 * 1024 * 1024

const isMissing = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 'ENOENT'

/** The file is read at the first load or save, not before: most mounts write nothing for a while. */
const loadFs = () => import('node:fs/promises')

/** The file's content; a file that holds something else is kept aside under another name, and the content is empty. */
async function readContent(path: string, nowMs: number, warn: (message: string) => void): Promise<Content> {
  const fs = await loadFs()
  let text: string
  try {
    text = await readPlainFile(path, { maxBytes: MOST_BYTES })
  } catch (error) {
    if (isMissing(error)) return {}
    if (!(error instanceof PlainFileError) || error.code !== 'too_large') throw error
    text = ''
  }
  const content = parseJson(text.replace(/^\uFEFF/, ''))
  if (isRecord(content)) return content
  const aside = `${path}.corrupt-${nowMs}`
  await fs.rename(path, aside).catch((error: unknown) => { if (!isMissing(error)) throw error })
  warn(`${path} held no JSON object; kept aside as ${basename(aside)}, starting empty`)
  return {}
}

/** Written beside and moved into place, so that a reader sees the old content or the new; 0600 from creation. */
async function writeContent(path: string, content: Content): Promise<void> {
  const fs = await loadFs()
  const beside = `${path}.${process.pid}.tmp`
  try {
    // What lies there was left by a process that died, or is a link into another file: neither is written into.
    await fs.rm(beside, { force: true })
    const file = await fs.open(beside, 'wx', 0o600)
    try {
      await file.writeFile(`${JSON.stringify(content, null, 1)}\n`)
      await file.sync()
    } finally {
      await file.close()
    }
    await fs.rename(beside, path)
  } catch (error) {
    await fs.rm(beside, { force: true })
    throw error
  }
}

/**
 * The holder needs milliseconds; one that died is passed at once on this machine, elsewhere when its heartbeat has
 * stopped. One that was taken for dead while it only slept writes all the same: whole, so the worst is one lost merge.
 */
const LOCK_WAIT_MS = 10_000

const accountsOf = (content: Content): Content => (isRecord(content['accounts']) ? content['accounts'] : {})

function readSection(content: Content, accountKey: string, section: string): unknown {
  const accounts = accountsOf(content)
  const account = Object.hasOwn(accounts, accountKey) ? accounts[accountKey] : undefined
  return isRecord(account) && Object.hasOwn(account, section) ? account[section] : undefined
}

/** The content with one section replaced; everything else stays, unknown keys too. The account written last stands last. */
function writeSection(content: Content, accountKey: string, section: string, value: unknown): Content {
  const { [accountKey]: account, ...others } = accountsOf(content)
  const rest = Object.entries(others).slice(-(MOST_ACCOUNTS - 1))
  const accounts = { ...Object.fromEntries(rest), [accountKey]: { ...(isRecord(account) ? account : {}), [section]: value } }
  return { ...content, version: 1, accounts }
}

/**
 * A JSON file that holds what is remembered about accounts (quota, model list; no credential), shared by
 * all processes of a home. Reading and writing happen in the background of calls: whoever uses it decides
 * what a failure means.
 */
export function createStateFile(path: string = defaultStatePath(), options: StateFileOptions = {}): StateFile {
  const { warn = () => undefined, now = Date.now, random = Math.random } = options
  let last: Promise<unknown> = Promise.resolve()

  const update = (accountKey: string, section: string, change: (stored: unknown) => unknown): Promise<void> => {
    const run = async () => {
      const fs = await loadFs()
      await fs.mkdir(dirname(path), { recursive: true, mode: 0o700 })
      await withFileLock({ folder: `${path}.lock`, place: path, waitMs: LOCK_WAIT_MS, random }, async () => {
        const content = await readContent(path, now(), warn)
        const next = writeSection(content, accountKey, section, change(readSection(content, accountKey, section)))
        await writeContent(path, next)
      })
    }
    const mine = last.then(run, run)
    last = mine.catch(() => undefined)
    return mine
  }
  return {
    path,
    persisted: (accountKey, section) => ({
      load: async () => readSection(await readContent(path, now(), warn), accountKey, section),
      save: (value) => update(accountKey, section, () => value),
      update: (change) => update(accountKey, section, change),
    }),
  }
}
