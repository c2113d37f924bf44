import type { FindingPlace } from './finding.js'
import { originOf, ownOriginOf } from './origin.js'

/** Keys, and indexes of lists, from the root of a document to a value. */
export type DocumentPath = readonly (string | number)[]

/** `roles.coding.candidates[0].model`. @param root what the whole is called */
export function formatPath(path: DocumentPath, root = 'the file'): string {
  if (path.length === 0) return root
  return path.map((step, at) => (typeof step === 'number' ? `[${step}]` : at === 0 ? step : `.${step}`)).join('')
}

/** Where the value at `path` stands: its own place, else that of the nearest thing around it. */
export function findPlace(value: unknown, path: DocumentPath, file: string): FindingPlace {
  const { line = 1, column = 1 } = ownOriginOf(value) ?? {}
  let place: FindingPlace = { file, line, column }
  let holder: unknown = value
  for (const step of path) {
    const origin = originOf(holder, step)
    if (origin) place = { file: origin.file, line: origin.line, column: origin.column }
    holder = readStep(holder, step)
  }
  return place
}

/** The value under a key or index, undefined where there is none of its own. */
export function readStep(holder: unknown, step: string | number): unknown {
  return typeof holder === 'object' && holder !== null && Object.hasOwn(holder, step) ? (Reflect.get(holder, step) as unknown) : undefined
}
