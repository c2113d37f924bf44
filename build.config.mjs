/**
 * The build: `node build.config.mjs [validators|places|sidecar|dist|test]`.
 *
 * Without a word: validators, then dist/: code in few files by esbuild, declarations by `tsc`. With `validators`:
 * only what is generated: the ajv validators, compiled from schemas/ to TypeScript under src/<room>/generated/, and the page's plots. With `dist`: all but that. With `places`: the rule of places
 * in Lua, for Redis; committed, since it changes with the rule alone. With `test` (`--all`, `--long`): what the test command
 * promises, closing with the line `N passed, N failed`.
 */
import { spawn, spawnSync } from 'node:child_process'
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const root = dirname(fileURLToPath(import.meta.url))
/** The native compiler: a sixth of the time. The one in JavaScript stays for what calls it as a library. */
const TSC = join(root, 'node_modules', 'typescript-native', 'bin', 'tsc')

/** Has the type of what it validates, too. */
const CONFIG_MODULE = 'src/config/generated/provider-config.ts'
/** schema file → the generated module */
const VALIDATORS = {
  'schemas/provider-config.schema.json': CONFIG_MODULE,
  'schemas/bundle.schema.json': 'src/config/generated/bundle.ts',
  'schemas/routing-matrix.schema.json': 'src/routing/generated/routing-matrix.ts',
}

async function compileValidators() {
  const { default: Ajv } = await import('ajv/dist/2020.js')
  const { default: standaloneCode } = await import('ajv/dist/standalone/index.js')
  const { writeConfigType } = await import('./src/config/write-config-type.mjs')
  for (const [schemaFile, moduleFile] of Object.entries(VALIDATORS)) {
    const path = join(root, schemaFile)
    if (!existsSync(path)) continue
    const schema = JSON.parse(readFileSync(path, 'utf8'))
    // Lengths in UTF-16 units: code points would take ajv's own helper, and ajv is no dependency of the package.
    const ajv = new Ajv.default({ logger: false, unicode: false, allErrors: true, verbose: false, strict: false, code: { source: true, esm: true } })
    // ajv's standalone code reaches for its runtime helpers by require(), which ES modules don't have.
    const code = standaloneCode(ajv, ajv.compile(schema)).replaceAll(
      /const (\w+) = require\("([^"]+)"\)\.default;?/g,
      'import $1Module from "$2.js"; const $1 = $1Module.default ?? $1Module;',
    )
    const body =
      `// Generated from ${schemaFile} by build.config.mjs.\n// @ts-nocheck\n${code}\n` +
      `export const schema = ${JSON.stringify(schema)}\n` +
      (moduleFile === CONFIG_MODULE ? writeConfigType(schema) : '')
    const target = join(root, moduleFile)
    if (existsSync(target) && readFileSync(target, 'utf8') === body) continue
    mkdirSync(dirname(target), { recursive: true })
    writeFileSync(target, body)
  }
}

/** What draws the page's plots, under page/generated/: the browser gets files of ours alone, and users install no package for them. */
function copyPlots() {
  const [from, to] = [join(root, 'node_modules', 'uplot'), join(root, 'page', 'generated')]
  mkdirSync(to, { recursive: true })
  for (const [source, target] of [['dist/uPlot.iife.min.js', 'uplot.js'], ['dist/uPlot.min.css', 'uplot.css'], ['LICENSE', 'uplot-license.txt']]) cpSync(join(from, source), join(to, target))
}

function run(command, args, options = {}) {
  const result = spawnSync(command, args, { cwd: root, stdio: 'inherit', shell: process.platform === 'win32', ...options })
  if (result.status !== 0) process.exit(result.status ?? 1)
}

/** Programs of their own that are neither an export nor a command of the package. */
const PROGRAMS = ['./dist/twin/serve.js']

/**
 * What package.json exports and PROGRAMS are one file each, what they share lies in dist/chunks/: a host that mounts
 * us opens 10 files instead of 150, and import plus mount takes 1.1 times `import('undici')` instead of 1.9.
 * Chunks lie as deep as the rooms do, so that paths relative to a file of dist/ hold for both.
 */
async function bundle() {
  const { build: esbuild } = await import('esbuild')
  const { exports, bin } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const entries = [...Object.values(exports).map((entry) => entry.default), ...Object.values(bin), ...PROGRAMS]
    .filter((path) => path?.startsWith('./dist/') && path.endsWith('.js'))
    .map((path) => path.slice('./dist/'.length, -'.js'.length))
  await esbuild({
    absWorkingDir: root,
    entryPoints: Object.fromEntries(entries.map((entry) => [entry, `src/${entry}.ts`])),
    outdir: 'dist', chunkNames: 'chunks/[name]-[hash]',
    // Inside, from its ES modules: 80 CommonJS files cost the first mount with a matrix of the user's 60 ms of processor time, one costs 10.
    alias: { yaml: './node_modules/yaml/browser/index.js' },
    bundle: true, splitting: true, packages: 'external', format: 'esm', platform: 'node', target: 'node20.18',
    sourcemap: true, logLevel: 'warning',
  })
}

/** Where the Python package looks for the command line; its wheels and editable installs hold what lies here. */
const SIDECAR = join(root, 'python', 'amplifier_module_openai_chatgpt', '_sidecar')
/** Native addons: they can't be bundled, and what wants the keychain or a file of SQLite says what is missing. */
const NOT_BUNDLED = ['@napi-rs/keyring', '@photostructure/sqlite']

/** The command line with every dependency inside, for machines without npm: 2.5 MB, minified. */
async function bundleSidecar() {
  const { build: esbuild } = await import('esbuild')
  rmSync(SIDECAR, { recursive: true, force: true })
  const { metafile } = await esbuild({
    absWorkingDir: root, entryPoints: { 'dist/cli/main': 'src/cli/main.ts' }, outdir: SIDECAR, chunkNames: 'dist/chunks/[name]-[hash]',
    bundle: true, splitting: true, minify: true, metafile: true, external: NOT_BUNDLED, format: 'esm', platform: 'node', target: 'node20.18', logLevel: 'warning',
    // Bundled CommonJS packages load Node's own modules by require() and name files after their own, neither of which ES modules have.
    banner: { js: "import { createRequire as sidecarRequire } from 'node:module'; import { fileURLToPath as sidecarPath } from 'node:url'; const require = sidecarRequire(import.meta.url); const __filename = sidecarPath(import.meta.url); const __dirname = sidecarPath(new URL('.', import.meta.url));" },
  })
  for (const part of ['schemas', 'routing', 'page', 'package.json', 'LICENSE']) cpSync(join(root, part), join(SIDECAR, part), { recursive: true })
  await writeConfigFields(esbuild)
  const packages = new Set(Object.keys(metafile.inputs).flatMap((path) => /^(node_modules\/(?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? []))
  const notices = [...packages].sort().map((path) => {
    const file = readdirSync(join(root, path)).find((name) => /^licen[cs]e/i.test(name))
    return `${path.slice('node_modules/'.length)}\n\n${file ? readFileSync(join(root, path, file), 'utf8') : JSON.parse(readFileSync(join(root, path, 'package.json'), 'utf8')).license}\n`
  })
  writeFileSync(join(SIDECAR, 'third-party-licenses.txt'), notices.join('\n---\n\n'))
}

/**
 * What the Python class has to know before any sidecar runs: the options that its config shows, and what a settings form may ask. Without the choices that have
 * no default: the application's form takes the first one where the user presses Enter, which bought priority and low verbosity.
 */
async function writeConfigFields(esbuild) {
  const folder = mkdtempSync(join(tmpdir(), 'amplifier-fields-'))
  try {
    const outfile = join(folder, 'fields.mjs')
    const contents = "export { CONFIG_FIELDS } from './src/provider/provider-info.ts'; export { SHOWN_OPTIONS } from './src/config/live-config.ts'"
    await esbuild({ absWorkingDir: root, stdin: { contents, resolveDir: root }, outfile, bundle: true, format: 'esm', platform: 'node', target: 'node20.18', logLevel: 'warning' })
    const { CONFIG_FIELDS, SHOWN_OPTIONS } = await import(pathToFileURL(outfile))
    writeFileSync(join(SIDECAR, 'shown-options.json'), JSON.stringify([...SHOWN_OPTIONS]))
    writeFileSync(join(SIDECAR, 'config-fields.json'), JSON.stringify(CONFIG_FIELDS.filter(({ field_type: type, default: standard }) => type !== 'choice' || standard !== undefined)))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function build() {
  rmSync(join(root, 'dist'), { recursive: true, force: true })
  await bundle()
  await bundleSidecar()
  run(process.execPath, [TSC, '-p', 'tsconfig.json', '--emitDeclarationOnly'])
  chmodSync(join(root, 'dist/cli/main.js'), 0o755)
}

/**
 * Build, type check, lint and what else looks at the package, the tests, and the packed package's demo from an empty folder. What takes
 * long comes with `--all`; alone, without the rest, with `--long`. TEST_RETRIES gives a failed test as many further tries: those that
 * needed one are listed.
 */
async function test(words) {
  const started = Date.now()
  const long = words.includes('--long') || words.includes('--all')
  const short = !words.includes('--long')
  const counts = { passed: 0, failed: 0, skipped: 0 }
  const tell = ({ name, status, output = '', reason }) => {
    process.stdout.write(`\n== ${name}\n${output}${reason === undefined ? '' : `skipped: ${reason}\n`}`)
    counts[reason !== undefined ? 'skipped' : status === 0 ? 'passed' : 'failed']++
    if (reason === undefined && status !== 0) process.stdout.write(`FAILED: ${name}\n`)
  }
  // A short name: sockets are made below it, and their paths have 107 characters.
  const folder = mkdtempSync(join(findMemory() ?? tmpdir(), 'chatgpt-'))
  const remove = () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  // What is left behind would take up memory until the machine starts again.
  for (const [signal, code] of [['SIGINT', 130], ['SIGTERM', 143]]) {
    process.once(signal, () => {
      for (const child of running) child.kill()
      remove()
      process.exit(code)
    })
  }
  try {
    const checks = checkPackage(folder, { short, long })
    // The long tests run what is built.
    if (long) tell((await checks.next()).value)
    // Beside the tests, one after the other: the tests wait more than they compute.
    const beside = short ? collect(checks) : undefined
    await runTests(folder, counts, short && long ? 'too' : long ? 'only' : undefined)
    for await (const result of (await beside) ?? checks) tell(result)
  } finally {
    remove()
  }
  const { passed, failed, skipped } = counts
  process.stdout.write(`\nin ${Math.round((Date.now() - started) / 1000)} s\n${passed} passed, ${failed} failed${skipped ? `, ${skipped} skipped` : ''}\n`)
  process.exitCode = failed === 0 ? 0 : 1
}

/**
 * Where Linux keeps files in memory, with room and for programs too. A mount, a call and its end take 60 ms there and 104 on a disk, 48 and 62
 * of them on the processor.
 */
function findMemory() {
  if (process.env.TMPDIR || !existsSync('/proc/mounts')) return undefined
  const place = '/dev/shm'
  const mounted = readFileSync('/proc/mounts', 'utf8').split('\n').map((line) => line.split(' ')).find(([, at]) => at === place)
  if (!mounted || /\b(?:ro|noexec)\b/.test(mounted[3])) return undefined
  const { bavail, bsize } = statfsSync(place)
  return bavail * bsize > 2 ** 31 ? place : undefined
}

async function collect(results) {
  const collected = []
  for await (const result of results) collected.push(result)
  return collected
}

/** All but the tests, each as it is asked for: `{ name, status, output }`, or with a `reason` why it was skipped. The build is the first. */
async function* checkPackage(folder, { short, long }) {
  const check = async (name, command, args, options) => ({ name, ...(await start(command, args, options)) })
  const node = process.execPath
  const npx = (...args) => ['npx', ['--no-install', ...args]]
  const built = await check('build', node, ['build.config.mjs', 'dist'])
  yield built
  if (short) {
    yield check('type check', node, [TSC, '--noEmit', '-p', 'tsconfig.test.json'])
    yield check('lint', ...npx('oxlint', '--tsconfig', 'tsconfig.test.json'))
    yield check('unused files, exports and dependencies', ...npx('knip'))
  }
  if (built.status !== 0) return
  const packed = await check('pack', 'npm', ['pack', '--silent', '--pack-destination', folder])
  yield packed
  if (packed.status !== 0) return
  const tarball = join(folder, readdirSync(folder).find((name) => name.endsWith('.tgz')))
  if (short) {
    yield check('the package as it is published', ...npx('publint', tarball, '--strict'))
    yield check('types for every way of resolving', ...npx('attw', tarball, '--profile', 'esm-only', '--quiet'))
    yield check('public types', node, [join(root, 'test', 'packed', 'api-report.mjs')])
  }
  const install = join(folder, 'install')
  mkdirSync(install)
  writeFileSync(join(install, 'package.json'), '{ "private": true }\n')
  const installed = await check('install the package into an empty folder', 'npm', ['install', '--silent', '--no-audit', '--no-fund', tarball], { cwd: install })
  yield installed
  if (installed.status !== 0) return
  const main = join(install, 'node_modules', 'amplifier-module-provider-openai-chatgpt', 'dist', 'cli', 'main.js')
  const options = { cwd: install, env: { ...process.env, HOME: folder, USERPROFILE: folder } }
  if (short) {
    yield check(`the installed demo on Node ${process.version}`, node, [main, 'demo'], options)
    yield check('what the package brings and loads', node, [join(root, 'test', 'packed', 'footprint.mjs'), install], options)
    yield check('the installed gRPC sidecar', node, [join(root, 'test', 'packed', 'serve-grpc.mjs'), join(main, '..', '..', '..')], options)
  }
  if (!long) return
  yield check('the wheel in empty Pythons without Node', node, [join(root, 'test', 'packed', 'wheel.mjs'), join(root, 'dist')])
  const other = join(folder, 'node24')
  mkdirSync(other)
  writeFileSync(join(other, 'package.json'), '{ "private": true }\n')
  const fetched = await check('Node 24 from the registry', 'npm', ['install', '--silent', '--no-audit', '--no-fund', 'node@24'], { cwd: other })
  yield fetched
  if (fetched.status !== 0) return
  const node24 = join(other, 'node_modules', '.bin', 'node')
  yield check('the installed demo on Node 24', node24, [main, 'demo'], options)
  // It wants Node 22 or later, so the suite itself, which runs on Node 20 too, has version 6.
  const name = 'the package in AI SDK 7 on Node 24'
  const added = await start('npm', ['install', '--silent', '--no-audit', '--no-fund', 'ai@7'], { cwd: install })
  if (added.status === 0) yield check(name, node24, [join(root, 'test', 'packed', 'ai-sdk.mjs'), install], options)
  else yield { name, reason: `ai@7 could not be installed: ${added.output.trim().slice(0, 300)}` }
}

/** What {@link start} began and has not ended. */
const running = new Set()

function start(command, args, options = {}) {
  const child = spawn(command, args, { cwd: root, shell: process.platform === 'win32', ...options })
  running.add(child)
  child.once('close', () => running.delete(child))
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream?.setEncoding('utf8').on('data', (text) => { output += text })
  return new Promise((resolve) => {
    child.once('error', (error) => resolve({ status: 1, output: String(error) }))
    child.once('close', (status) => resolve({ status, output }))
  })
}

async function runTests(folder, counts, long) {
  const file = join(folder, 'vitest.json')
  // As /tmp is: some tests go on as another user.
  const temporary = join(folder, 'tmp')
  mkdirSync(temporary)
  chmodSync(folder, 0o711)
  chmodSync(temporary, 0o1777)
  process.stdout.write('\n== tests\n')
  const retries = Number(process.env.TEST_RETRIES ?? 0)
  const vitest = await start('npx', ['--no-install', 'vitest', 'run', '--reporter=default', '--reporter=json', `--outputFile.json=${file}`, ...(retries > 0 ? [`--retry=${retries}`] : [])], {
    stdio: 'inherit', env: { ...process.env, TMPDIR: temporary, ...(long === undefined ? {} : { TEST_LONG: long }) },
  })
  const report = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined
  counts.passed += report?.numPassedTests ?? 0
  counts.skipped += (report?.numPendingTests ?? 0) + (report?.numTodoTests ?? 0)
  const failures = report?.numFailedTests ?? 0
  counts.failed += failures
  // A file that could not even be loaded has no failed test of its own.
  if (vitest.status !== 0 && failures === 0) counts.failed++
}

const word = process.argv[2]
if (word !== 'dist') {
  await compileValidators()
  copyPlots()
  // The package's own matrices as data: a mount with one of them loads no YAML parser.
  await (await import('./src/routing/compile-shipped.mjs')).compileShipped()
}
if (word === undefined || word === 'dist') await build()
else if (word === 'test') await test(process.argv.slice(3))
else if (word === 'sidecar') await bundleSidecar()
else if (word === 'places') await (await import('./src/account/translate-places.mjs')).writePlaces()
else if (word !== 'validators') {
  console.error(`build.config.mjs: unknown word ${word}; it takes validators, places, sidecar, dist or test`)
  process.exit(2)
}
