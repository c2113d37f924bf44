import { noteOwnOrigin, ownOriginOf, type Origin } from '../documents/index.js'

/** Where a part of a matrix was written: a document's origin, and what the part came with. */
export interface MatrixOrigin extends Partial<Omit<Origin, 'shadowed'>> {
  /** `matrix`, or what overrides it: a settings file, `hook config` */
  source: string
  /** what an override put out of force, where that is known */
  shadows?: Omit<MatrixOrigin, 'shadows'>
}

/** Notes on a role or candidate where it was written, out of band. */
export function noteOrigin<Part extends object>(part: Part, origin: MatrixOrigin): Part {
  return noteOwnOrigin(part, origin)
}

/** Where a role, a candidate or a whole matrix was written; undefined for parts made in code. */
export function originOf(part: object): MatrixOrigin | undefined {
  const origin = ownOriginOf(part)
  return origin === undefined ? undefined : { source: 'matrix', ...origin }
}
