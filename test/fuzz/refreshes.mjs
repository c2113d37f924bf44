/** Refreshes a sign-in over and over at an issuer that answers by accidents: none may lose it, or leave a file that cannot be read. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createRandom } from '../soak/seeded.mjs'
import { mutateRefresh } from './mutate.mjs'

/** What a header takes, as any server's own token is. */
const IS_TOKEN = /^[\x21-\x7e]{1,65536}$/

/** @param rooms the auth folder's `createCredentialSource`, `createFileStore` and `createLane`, `createTransport`, `isLLMError` */
export async function fuzzRefreshes(rooms, { seed, more, only }) {
  const wrong = []
  const outcomes = {}
  const folder = await mkdtemp(join(tmpdir(), 'fuzz-refresh-'))
  const transport = rooms.createTransport({ env: {} })
  let answer = () => undefined
  const server = createServer((request, response) => {
    request.resume().on('end', () => answer(request, response)).on('error', () => undefined)
    response.on('error', () => undefined)
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  const issuer = `http://127.0.0.1:${server.address().port}`
  const lane = rooms.createLane('codex', { issuer, baseUrl: `${issuer}/backend-api/codex` })
  let asked = 0
  while (only === undefined ? more(asked) : asked < 1) {
    const n = only ?? asked
    asked++
    const random = createRandom(seed, `refresh ${n}`)
    const path = join(folder, `token-${n}.json`)
    const before = { auth_mode: 'oauth', account_id: 'acc', access_token: 'access-before', refresh_token: 'rt-before', expires_at: '2020-01-01T00:00:00', issuer, base_url: issuer, lane: 'codex' }
    await writeFile(path, JSON.stringify(before), { mode: 0o600 })
    /** refresh tokens that a whole good answer brought */
    const brought = []
    answer = (_request, response) => {
      const reply = mutateRefresh(random, { access_token: `access-${n}`, refresh_token: `rt-${n}-${brought.length}`, id_token: undefined })
      const text = JSON.stringify(reply.body)
      if (reply.kind === 'reset') return response.socket.resetAndDestroy()
      response.writeHead(reply.status, { 'content-type': reply.kind === 'html' ? 'text/html' : 'application/json', ...reply.headers })
      if (reply.kind === 'cut') return response.end(text.slice(0, random.below(text.length)))
      if (reply.kind === 'text' || reply.kind === 'html') return response.end('<html>no</html>')
      if (reply.status === 200 && typeof reply.body === 'object' && IS_TOKEN.test(reply.body?.refresh_token?.trim?.() ?? '')) brought.push(reply.body.refresh_token.trim())
      response.end(text)
    }
    const open = () => rooms.createCredentialSource({ lane, store: rooms.createFileStore({ path, lane: 'codex' }), transport, delay: async () => undefined })
    const complain = (words) => void wrong.push(`--seed ${seed} --refresh ${n}: ${words}`)
    const kind = await open().current().then(() => 'ok', (error) => {
      if (!rooms.isLLMError(error) || error.name === 'LLMError') complain(`an untyped error: ${error?.stack}`)
      return error.name
    })
    outcomes[kind] = (outcomes[kind] ?? 0) + 1
    const found = await rooms.createFileStore({ path, lane: 'codex' }).load()
    if (found.state !== 'present') complain(`the file is ${found.state}: ${found.message}`)
    else if (found.record.refresh_token !== (brought.at(-1) ?? 'rt-before')) complain(`holds ${found.record.refresh_token}, the server gave ${brought.at(-1) ?? 'none'}`)
    await rm(path, { force: true })
  }
  await transport.close()
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
  await rm(folder, { recursive: true, force: true })
  return { asked, outcomes, wrong }
}
