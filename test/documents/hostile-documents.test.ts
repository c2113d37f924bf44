import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { loadBundle, loadSettings, validateBundle } from '../../src/config/index.js'
import { lintMatrix, loadMatrix } from '../../src/routing/index.js'
import { writeTree } from '../config/support/tree.js'
import { buildHostileDocuments, type HostileDocument } from './hostile-documents.js'
import { measureCpu, MOST_CPU_MS } from './support.js'

// A seed of its own in every run would be a suite that fails by the hour: `TEST_SEED=$RANDOM` looks for more.
const seed = Number(process.env['TEST_SEED'] ?? 20_261_121)
console.log(`hostile documents: TEST_SEED=${seed}`)
/** `DOCUMENTS=520` is the whole run: three minutes; the suite takes a part. */
const documents = buildHostileDocuments(seed, Number(process.env['DOCUMENTS'] ?? 104))

/** Each way in which a document is read, as a user meets it. Answers `value`, or the errors' texts. */
const READERS: Readonly<Record<string, (file: string, text: string) => Promise<string>>> = {
  'a bundle': async (file) => loadBundle(file).then(() => 'value', messageOf),
  'settings': async (file) => (await loadSettings('/nowhere', { home: '/nowhere', sessionFile: file })).warnings.join('\n') || 'value',
  'a matrix': async (file) => loadMatrix(file).then(() => 'value', messageOf),
  'a matrix that is linted': async (file, text) => (await lintMatrix({ file, text })).map(({ message }) => message).join('\n') || 'value',
}

/** Only errors that speak of the document count as an answer. */
function messageOf(error: unknown): string {
  if (error instanceof Error && error.name === 'ConfigurationError') return error.message
  throw error
}

describe('hostile documents', () => {
  test.each(Object.keys(READERS))('as %s each is a finding or a value, three times in one process, and costs little', async (reader) => {
    const root = await writeTree({})
    const read = READERS[reader]!
    const slow: string[] = []
    for (const document of documents) {
      const file = join(root, `d${document.ending}`)
      await writeFile(file, document.text)
      const answers: string[] = []
      for (let time = 0; time < 3; time += 1) {
        const { value, cpuMs } = await measureCpu(() => read(file, document.text))
        answers.push(value)
        if (cpuMs > MOST_CPU_MS) slow.push(`${describeDocument(document)}: ${Math.round(cpuMs)} ms`)
      }
      expect(answers[0], describeDocument(document)).not.toBe('')
      expect(new Set(answers).size, describeDocument(document)).toBe(1)
    }
    expect(slow).toEqual([])
  }, 240_000)

  test('most of them are refused, so that the generator keeps its teeth', async () => {
    const root = await writeTree({})
    let refused = 0
    const some = documents.filter((_, at) => at % 3 === 0)
    for (const document of some) {
      const file = join(root, `d${document.ending}`)
      await writeFile(file, document.text)
      if ((await validateBundle(file)).some(({ severity }) => severity === 'error')) refused += 1
    }
    expect(refused).toBeGreaterThan(some.length / 2)
  }, 240_000)
})

function describeDocument({ name, ending, text }: HostileDocument): string {
  return `${name} (${ending}, ${text.length} characters)`
}
