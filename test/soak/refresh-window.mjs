/**
 * How long a refresh's answer lives in memory alone: from the last byte of the token endpoint's answer until it is
 * written (a killed process leaves it), until it is on the disk (a power cut does), and until the record is saved.
 *
 *   node test/soak/refresh-window.mjs [--refreshes 200]
 */
import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import diagnostics from 'node:diagnostics_channel'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadRooms, option, percentile, table } from './auth-support.mjs'

const refreshes = option('refreshes', 200)
const spans = { written: [], synced: [], saved: [] }
let arrivedMs
const { writeSync, fdatasyncSync } = fs
const watched = (call, times) => (...given) => {
  const result = call(...given)
  if (arrivedMs !== undefined) times.push(performance.now() - arrivedMs)
  return result
}
diagnostics.subscribe('undici:request:trailers', () => { arrivedMs = performance.now() })
fs.writeSync = watched(writeSync, spans.written)
fs.fdatasyncSync = watched(fdatasyncSync, spans.synced)
syncBuiltinESMExports()

const rooms = await loadRooms()
const twin = await rooms.startTwin()
const folder = fs.mkdtempSync(join(tmpdir(), 'refresh-window-'))
const path = join(folder, 'token.json')
const transport = rooms.createTransport({ env: {} })
const lane = rooms.auth.createLane('codex', { issuer: twin.issuer, baseUrl: twin.baseUrl })
const store = rooms.auth.createFileStore({ path, lane: 'codex' })
await store.save({ ...twin.issueTokens() })
for (let count = 0; count < refreshes; count += 1) {
  const { access_token: refused } = JSON.parse(fs.readFileSync(path, 'utf8'))
  twin.expireAccessTokens()
  arrivedMs = undefined
  await rooms.auth.createCredentialSource({ lane, store, transport }).replace(refused)
  spans.saved.push(performance.now() - arrivedMs)
}
table(Object.entries(spans).map(([what, times]) => [`${what}, ms: p50 / p95 / max of ${times.length}`, [0.5, 0.95, 1].map((share) => percentile(times, share).toFixed(3)).join(' / ')]))
await transport.close()
await twin.close()
await rooms.close()
fs.rmSync(folder, { recursive: true })
