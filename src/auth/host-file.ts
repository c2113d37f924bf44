/** The file that names this host to the issuer of plan sign-ins; the Python module's own, so that both are one host. */
import { randomUUID } from 'node:crypto'
import { mkdir, readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { AuthenticationError } from '../contract/index.js'
import { isRecord, parseJson } from '../lib/index.js'
import { publishPrivateFile, reservePrivateFile, systemCode, temporaryPath } from './private-file.js'
import { withSharedFlock } from './shared-flock.js'

/**
 * The name in the file; where there is none, `known` or a new one is written there.
 * @param path absolute
 * @throws AuthenticationError `host_file` where it holds something else
 */
export async function keepHostId(path: string, known?: string): Promise<string> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  return withSharedFlock({ file: `${path}.lock`, place: path }, async () => {
    const text = await readFile(path, 'utf8').catch((error: unknown) => {
      if (systemCode(error) === 'ENOENT') return undefined
      throw new AuthenticationError(`${path} cannot be read (${systemCode(error) ?? 'unknown error'}), and it names this host. Check who owns it, or set host_file_path`, { code: 'host_file', cause: error })
    })
    const stored = text === undefined ? {} : parseJson(text)
    if (!isRecord(stored)) throw new AuthenticationError(`${path} is no JSON object, and it names this host. Remove it, or set host_file_path`, { code: 'host_file' })
    const found = stored['ext_agent_host_id']
    if (typeof found === 'string' && found !== '') return found
    const hostId = known ?? `urn:uuid:${randomUUID()}`
    const temporary = temporaryPath(path, randomUUID())
    await reservePrivateFile(temporary, 256)
    await publishPrivateFile(temporary, path, JSON.stringify({ ext_agent_host_id: hostId }))
    return hostId
  })
}
