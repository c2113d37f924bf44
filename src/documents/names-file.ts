import { extname } from 'node:path'

/** Endings of the documents that are read here. */
export const DOCUMENT_ENDINGS: readonly string[] = ['.md', '.markdown', '.yaml', '.yml', '.toml']

/** Whether a word that may be a name is a file's path: it has a separator, or the ending of a document. */
export function namesFile(word: string): boolean {
  return /[/\\]/.test(word) || DOCUMENT_ENDINGS.includes(extname(word.trim()).toLowerCase())
}
