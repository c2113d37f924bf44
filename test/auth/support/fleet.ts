/** Many host programs on one sign-in, each a process. */
import { fork, type ChildProcess } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { WorkerAnswer, WorkerConfig } from './worker.js'

export interface WorkerProgram {
  path: string
  remove(): Promise<void>
}

/** Bundles the worker with everything it needs, so that it starts without a loader. */
export async function bundleWorker(source = join(dirname(fileURLToPath(import.meta.url)), 'worker.ts')): Promise<WorkerProgram> {
  const { build } = await import('esbuild')
  const folder = await mkdtemp(join(tmpdir(), 'auth-worker-'))
  await build({
    entryPoints: [source],
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    splitting: true,
    outdir: folder,
    outExtension: { '.js': '.mjs' },
    external: ['@napi-rs/keyring'],
    banner: { js: "import { createRequire as createRequireOfBundle } from 'node:module'; const require = createRequireOfBundle(import.meta.url);" },
    logLevel: 'error',
  })
  return { path: join(folder, 'worker.mjs'), remove: () => rm(folder, { recursive: true, force: true }) }
}

export interface Host {
  process: ChildProcess
  ready: Promise<void>
  /** What a call came to; rejects where the process ended first. */
  call(round: number): Promise<WorkerAnswer>
  end(): Promise<void>
}

/** @param as another user, where we are root, and what differs in its environment */
export function startHost(program: WorkerProgram, config: WorkerConfig, as: { uid?: number; gid?: number; env?: Record<string, string> } = {}): Host {
  const child = fork(program.path, [JSON.stringify(config)], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'], cwd: tmpdir(), ...as, env: { ...process.env, NODE_OPTIONS: '', ...as.env } })
  const waiting = new Map<number, { resolve: (answer: WorkerAnswer) => void; reject: (error: Error) => void }>()
  let markReady: () => void = () => undefined
  const ready = new Promise<void>((resolve) => (markReady = resolve))
  child.on('message', (message: WorkerAnswer | { ready: true }) => {
    if ('ready' in message) return markReady()
    waiting.get(message.round)?.resolve(message)
    waiting.delete(message.round)
  })
  const gone = new Promise<void>((resolve) => child.once('exit', () => {
    markReady()
    for (const { reject } of waiting.values()) reject(new Error('the process ended'))
    resolve()
  }))
  return {
    process: child,
    ready,
    call: (round) => new Promise((resolve, reject) => {
      waiting.set(round, { resolve, reject })
      child.send({ round }, (error) => { if (error) reject(error) })
    }),
    async end() {
      child.kill('SIGKILL')
      await gone
    },
  }
}
