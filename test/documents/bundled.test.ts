/** Readers of documents load their libraries late; inside the sidecar, where esbuild has bundled these, they have to find them too. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build } from 'esbuild'
import { expect, onTestFinished, test } from 'vitest'
import type * as Documents from '../../src/documents/index.js'

const ROOT = join(import.meta.dirname, '..', '..')

test('YAML, TOML and globs are read, and YAML is written, by the bundle of the sidecar', async () => {
  const folder = await mkdtemp(join(ROOT, 'node_modules', '.bundled-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  await build({
    absWorkingDir: ROOT, outdir: folder, bundle: true, splitting: true, minify: true, format: 'esm', platform: 'node', target: 'node20.18', logLevel: 'error',
    stdin: { resolveDir: ROOT, loader: 'ts', sourcefile: 'all.ts', contents: "export * from './src/documents/index.js'" },
    banner: { js: "import { createRequire as sidecarRequire } from 'node:module'; const require = sidecarRequire(import.meta.url);" },
  })
  const { parseDocument, findFiles, setInYaml } = await import(pathToFileURL(join(folder, 'stdin.js')).href) as typeof Documents
  const read = async (file: string, text: string) => (await parseDocument(text, { file, whose: 'user' })).value
  expect([await read('a.yaml', 'a: &x [1, 2]\nb: *x\n'), await read('a.toml', 'a = [1, 2]\n')]).toEqual([{ a: [1, 2], b: [1, 2] }, { a: [1, 2] }])
  await writeFile(join(folder, 'kept.yaml'), 'a: 1 # kept\n')
  expect(await setInYaml({ file: join(folder, 'kept.yaml'), whose: 'user' }, ['b'], 'two')).toEqual({ text: 'a: 1 # kept\nb: two\n' })
  expect(await findFiles(join(ROOT, 'routing', '*.yaml'), { cwd: ROOT })).toMatchObject({ files: expect.arrayContaining([expect.stringContaining('openai-chatgpt.yaml')]) as string[] })
}, 30_000)
