/**
 * What the installed package brings and loads: `node test/packed/footprint.mjs INSTALL_FOLDER`, a folder where nothing else was
 * installed. None of the packages that only tests and examples use is there; gRPC is loaded by nothing but a door that opens.
 */
import { deepStrictEqual as equal, ok } from 'node:assert'
import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'

const modules = join(resolve(process.argv[2] ?? '.'), 'node_modules')
const folder = join(modules, 'amplifier-module-provider-openai-chatgpt')
const { devDependencies, peerDependencies, dependencies, optionalDependencies, exports } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))

// A developer's package may be there as somebody's dependency; these have no such excuse.
const brought = Object.keys({ ...devDependencies, ...peerDependencies }).filter((name) => !name.startsWith('@types/') && existsSync(join(modules, name)))
equal(brought, [], 'packages of tests, examples and peers that the installation brought')
for (const name of Object.keys({ ...dependencies, ...optionalDependencies })) ok(existsSync(join(modules, name)), `${name} should be there`)

/** Both gRPC packages are CommonJS, so whoever imports them fills this cache. */
const { cache } = createRequire(import.meta.url)
const grpcFiles = () => Object.keys(cache).filter((path) => /[\\/](?:@grpc|protobufjs)[\\/]/.test(path))
const load = (entry) => import(pathToFileURL(join(folder, entry)).href)

for (const { default: entry } of Object.values(exports)) if (entry?.endsWith('.js')) await load(entry)
const [{ createModule }, { createHost }, { startTwin }, { createGrpcServer }] = await Promise.all(['index', 'host/index', 'twin/index', 'grpc/index'].map((name) => load(`dist/${name}.js`)))
const twin = await startTwin()
const home = await mkdtemp(join(tmpdir(), 'amplifier-chatgpt-packed-'))
const tokens = join(home, 'tokens.json')
await writeFile(tokens, JSON.stringify({ auth_mode: 'oauth', ...twin.issueTokens() }), { mode: 0o600 })
const config = { base_url: twin.baseUrl, issuer: twin.issuer, token_file_path: tokens }
const module = createModule({})
const host = createHost({ config: { providers: [{ module: module.id, config }] }, modules: { [module.id]: module } })
await host.start()
await host.coordinator.get('providers', 'openai-chatgpt').complete({ messages: [{ role: 'user', content: 'hello' }] })
equal(grpcFiles(), [], 'files of gRPC that a mount and a call loaded')
const door = await createGrpcServer({ config })
ok(grpcFiles().length > 0, 'an open gRPC door should have loaded gRPC')
await door.close()
await host.close()
await twin.close()
await rm(home, { recursive: true, force: true })
console.log(`brings ${Object.keys(dependencies).length} dependencies and ${Object.keys(optionalDependencies).length} optional ones, none of tests or examples; gRPC is loaded by its door alone`)
