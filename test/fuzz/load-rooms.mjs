/** The parts under test, bundled from the sources: no build is needed. */
import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const root = fileURLToPath(new URL('../..', import.meta.url))

export async function loadRooms() {
  const folder = await mkdtemp(join(root, 'node_modules', '.fuzz-'))
  await build({
    bundle: true, platform: 'node', format: 'esm', target: 'node20', logLevel: 'error', packages: 'external', outfile: join(folder, 'rooms.mjs'),
    stdin: {
      resolveDir: root, loader: 'ts',
      contents: [
        "export { mountOnHost } from './src/mount-on-host.js'", "export { createChatGPT } from './src/ai-sdk/index.js'", "export { createHttpServer } from './src/http/index.js'", "export { isLLMError } from './src/contract/index.js'", "export { createGrpcServer } from './src/grpc/index.js'", "export { loadServices } from './test/support/open-grpc-server.js'", "export * as grpc from '@grpc/grpc-js'",
        "export { createAuthority } from './test/transport/support/certificate.js'", "export { delay } from './src/lib/index.js'",
        "export { createCredentialSource, createFileStore, createLane } from './src/auth/index.js'", "export { createTransport } from './src/transport/index.js'",
      ].join('\n'),
    },
  })
  const rooms = await import(join(folder, 'rooms.mjs'))
  await rm(folder, { recursive: true, force: true })
  return rooms
}
