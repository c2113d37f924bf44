/** The stand-in of the Python module as processes, and the published filelock it needs. */
import { execFile, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const here = dirname(fileURLToPath(import.meta.url))
const site = join(here, '..', '..', '..', 'node_modules', '.cache', 'python-filelock')
const PYTHON = process.env.PYTHON ?? 'python3'

/** Why there is no filelock, undefined where there is one. */
export async function prepareFilelock(): Promise<string | undefined> {
  if (process.platform === 'win32') return 'the lock of the Python module is another on Windows'
  if (existsSync(join(site, 'filelock'))) return undefined
  return promisify(execFile)(PYTHON, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--target', site, 'filelock'])
    .then(() => undefined, (error: unknown) => `no filelock from the registry: ${String(error).slice(0, 200)}`)
}

export interface PythonModule {
  ready: Promise<void>
  /** the access token that its rule comes to; rejects with its reason */
  ensure(): Promise<string>
  end(): void
}

export function startPythonModule(path: string, issuer: string): PythonModule {
  const child = spawn(PYTHON, [join(here, 'python_module.py'), path, `${issuer}/api/accounts/oauth/token`], {
    stdio: ['pipe', 'pipe', 'inherit'], env: { ...process.env, PYTHONPATH: site },
  })
  const waiting: ((line: { ready?: true; access_token?: string; error?: string }) => void)[] = []
  createInterface(child.stdout).on('line', (line) => waiting.shift()?.(JSON.parse(line) as object))
  const answer = () => new Promise<{ access_token?: string; error?: string }>((resolve) => waiting.push(resolve))
  child.on('close', () => { for (const each of waiting.splice(0)) each({ error: 'the program ended' }) })
  const ready = answer().then(() => undefined)
  return {
    ready,
    async ensure() {
      child.stdin.write('\n')
      const { access_token: token, error } = await answer()
      if (token === undefined) throw new Error(error)
      return token
    },
    end: () => void child.kill(),
  }
}
