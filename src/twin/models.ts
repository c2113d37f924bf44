/** The model catalog: what a client version may see, and what a request may name. */
import { isRecord, readString, shortHash } from '../lib/index.js'
import { buildDefaultModels } from './default-models.js'
import { detailRefusal, type Refusal } from './refusal.js'

export interface WireModel {
  slug: string
  efforts: string[]
  contextWindow: number
  acceptsImages: boolean
  supportsVerbosity: boolean
  /** listed to people; the rest can be named by those who know */
  visible: boolean
  entry: Record<string, unknown>
}

export interface ModelShelf {
  set(models: readonly object[]): void
  find(slug: string): WireModel | undefined
  /** @param clientVersion a plain triple; hides what needs a newer one */
  list(clientVersion: string): Record<string, unknown>[]
  all(): WireModel[]
  etag(): string
}

const DEFAULT_CONTEXT_WINDOW = 272_000
const TRIPLE = /^\d+\.\d+\.\d+$/

function decodeModel(value: object): WireModel | undefined {
  if (!isRecord(value)) return undefined
  const slug = readString(value, 'slug')
  if (slug === undefined) return undefined
  const levels: unknown[] = Array.isArray(value['supported_reasoning_levels']) ? value['supported_reasoning_levels'] : []
  const efforts = levels.flatMap((level) => (isRecord(level) && typeof level['effort'] === 'string' ? [level['effort']] : []))
  const modalities = value['input_modalities']
  return {
    slug, efforts, entry: value,
    contextWindow: typeof value['context_window'] === 'number' ? value['context_window'] : DEFAULT_CONTEXT_WINDOW,
    acceptsImages: !Array.isArray(modalities) || modalities.includes('image'),
    supportsVerbosity: value['support_verbosity'] !== false,
    visible: (value['visibility'] ?? 'list') === 'list',
  }
}

function toTriple(version: unknown): number[] {
  const parts: unknown[] = typeof version === 'string' ? version.split('.') : Array.isArray(version) ? version : []
  return [0, 1, 2].map((index) => Number(parts[index] ?? 0) || 0)
}

function isBelow(version: number[], minimum: number[]): boolean {
  for (const [index, part] of version.entries()) {
    const other = minimum[index] ?? 0
    if (part !== other) return part < other
  }
  return false
}

export function createModelShelf(models: readonly object[] = buildDefaultModels()): ModelShelf {
  let shelf: WireModel[] = []
  let tag = ''
  const set = (next: readonly object[]) => {
    shelf = next.flatMap((model) => decodeModel(model) ?? [])
    tag = `W/"${shortHash(JSON.stringify(next))}"`
  }
  set(models)
  return {
    set,
    find: (slug) => shelf.find((model) => model.slug === slug),
    list(clientVersion) {
      const version = toTriple(clientVersion)
      return shelf.filter((model) => !isBelow(version, toTriple(model.entry['minimal_client_version']))).map((model) => model.entry)
    },
    all: () => shelf,
    etag: () => tag,
  }
}

/** `client_version` is a plain triple, or the list is refused. */
export function checkClientVersion(version: string | undefined): Refusal | undefined {
  if (version !== undefined && TRIPLE.test(version)) return undefined
  const problem = version === undefined ? 'Field required' : 'client_version must look like 1.2.3'
  return detailRefusal(400, [{ type: version === undefined ? 'missing' : 'value_error', loc: ['query', 'client_version'], msg: problem }])
}
