import { spawn, type ChildProcess } from 'node:child_process'
import { createServer } from 'node:net'

export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  return typeof address === 'object' && address ? address.port : 0
}

export interface TestRedis {
  url: string
  child: ChildProcess
  stop(): Promise<void>
}

/** A Redis server of its own that keeps nothing, ended at once by `stop`. @param words more of its options */
export async function startRedis(folder: string, port?: number, words: readonly string[] = []): Promise<TestRedis> {
  const at = port ?? (await freePort())
  const child = spawn(process.env['REDIS_SERVER'] ?? 'redis-server', ['--port', String(at), '--bind', '127.0.0.1', '--dir', folder, '--save', '', ...words], { stdio: ['ignore', 'pipe', 'ignore'] })
  await new Promise<void>((resolve, reject) => {
    child.stdout.on('data', (chunk: Buffer) => { if (chunk.toString().includes('Ready to accept connections')) resolve() })
    child.once('exit', () => reject(new Error('redis-server ended')))
  })
  return {
    url: `redis://127.0.0.1:${at}`,
    child,
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return
      const gone = new Promise((resolve) => child.once('exit', resolve))
      child.kill('SIGKILL')
      await gone
    },
  }
}
