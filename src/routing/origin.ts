/** Where a part of a matrix was written. */
export interface MatrixOrigin {
  /** absent where the part came from code */
  file?: string
  /** from 1 */
  line?: number
  /** from 1 */
  column?: number
  /** `matrix`, or what overrides it: a settings file, `hook config` */
  source: string
  /** what an override put out of force, where that is known */
  shadows?: Omit<MatrixOrigin, 'shadows'>
}

const ORIGIN = Symbol.for('amplifier.routing.origin')

/**
 * Notes on a role or candidate where it was written. Out of band (a property that is neither
 * enumerable nor part of the JSON), so that noted and plain objects compose and compare alike.
 */
export function noteOrigin<Part extends object>(part: Part, origin: MatrixOrigin): Part {
  return Object.defineProperty(part, ORIGIN, { value: origin, enumerable: false, configurable: true, writable: true })
}

/** Where a role, a candidate or a whole matrix was written; undefined for parts made in code. */
export function originOf(part: object): MatrixOrigin | undefined {
  return (part as { [ORIGIN]?: MatrixOrigin })[ORIGIN]
}

/** `file:line:column`, as far as they are known. */
export function formatOrigin(origin: Partial<MatrixOrigin>): string {
  return [origin.file, origin.line, origin.line === undefined ? undefined : origin.column]
    .filter((piece) => piece !== undefined)
    .join(':')
}
