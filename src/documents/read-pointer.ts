/** The steps of a JSON Pointer, as the validators name the place of an error. */
export function readPointer(pointer: string): string[] {
  if (pointer === '') return []
  return pointer.slice(1).split('/').map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'))
}
