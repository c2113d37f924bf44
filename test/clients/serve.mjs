import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { startTwin } from '../../dist/twin/index.js'

const run = promisify(execFile)
const main = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))

/** An authority of our own and a certificate of it for 127.0.0.1, as files. */
async function makeCertificate(folder) {
  const [authority, authorityKey, key, request, cert, names] = ['ca.pem', 'ca-key.pem', 'key.pem', 'request.pem', 'cert.pem', 'names'].map((name) => join(folder, name))
  const openssl = (...words) => run('openssl', words)
  await writeFile(names, 'subjectAltName=IP:127.0.0.1')
  await openssl('req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=made-up authority', '-keyout', authorityKey, '-out', authority)
  await openssl('req', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=127.0.0.1', '-keyout', key, '-out', request)
  await openssl('x509', '-req', '-in', request, '-CA', authority, '-CAkey', authorityKey, '-CAcreateserial', '-days', '1', '-extfile', names, '-out', cert)
  return { authority, words: ['--cert', cert, '--key', key] }
}

/** The stand-in, and the built command `serve --http --json` before it, signed in and ready; with `tls` it speaks https, and `authority` is the CA's file. */
export async function serve({ transport, tls = false }) {
  const twin = await startTwin()
  const folder = await mkdtemp(join(tmpdir(), 'clients-'))
  const tokenFile = join(folder, 'openai-chatgpt-oauth.json')
  await writeFile(tokenFile, JSON.stringify({ auth_mode: 'oauth', ...twin.issueTokens() }), { mode: 0o600 })
  const env = { PATH: process.env.PATH, HOME: folder, AMPLIFIER_CHATGPT_BASE_URL: twin.baseUrl, AMPLIFIER_CHATGPT_ISSUER: twin.issuer, AMPLIFIER_CHATGPT_TOKEN_FILE: tokenFile }
  const { authority, words } = tls ? await makeCertificate(folder) : { words: [] }
  const child = spawn(process.execPath, [main, 'serve', '--http', '--json', '--config', `transport=${transport}`, ...words], { cwd: folder, env, stdio: ['ignore', 'pipe', 'inherit'] })
  const [line] = await Promise.race([once(createInterface({ input: child.stdout }), 'line'), once(child, 'exit').then(() => { throw new Error('serve ended before it listened') })])
  const { base_url: baseUrl, key } = JSON.parse(line)
  return {
    twin, baseUrl, key, folder, authority,
    /** The names that the server's totals have by `group`, once there are any: they are written a moment after the call. */
    async totals(group) {
      for (let n = 0; n < 50; n++) {
        const { rows } = JSON.parse((await run(process.execPath, [main, 'usage', '--by', group, '--json'], { env })).stdout)
        if (rows.length > 0) return rows.map(({ name }) => name)
        await sleep(100)
      }
      return []
    },
    async close() {
      child.kill('SIGTERM')
      await once(child, 'exit')
      await twin.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** What a turn sent: each item by its role or type, `+` where a thought came along sealed. */
export function describeTurn({ body }) {
  const items = (body.input ?? []).map((item) => (item.role ?? item.type) + (item.encrypted_content ? '+' : ''))
  return `${body.previous_response_id ? '… ' : ''}${items.join(' ')}`
}
