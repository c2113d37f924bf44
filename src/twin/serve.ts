/**
 * A twin as a process of its own: `node dist/twin/serve.js ['{"port":0,…}']`, options as JSON in the first argument
 * or in `TWIN_OPTIONS`. Prints one line of JSON with its addresses, then nothing more; `/__twin/…` takes commands.
 * Ends on SIGTERM, on SIGINT, and when whoever started it closes its standard input.
 */
import { realpathSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { isRecord, parseJson } from '../lib/index.js'
import { startTwin } from './start-twin.js'
import type { Twin } from './types.js'

export interface ServeParts {
  /** JSON of {@link TwinOptions} without functions; undefined means the defaults */
  options: string | undefined
  write(line: string): void
}

/** @throws TypeError where the options are no JSON object */
export async function serveTwin({ options, write }: ServeParts): Promise<Twin> {
  const decoded = options === undefined || options === '' ? {} : parseJson(options)
  if (!isRecord(decoded)) throw new TypeError(`the twin's options must be a JSON object, found: ${options?.slice(0, 80)}`)
  const twin = await startTwin({ ...decoded, control: true })
  const { url, issuer, baseUrl, apiBaseUrl, accountId } = twin
  write(`${JSON.stringify({ url, issuer, base_url: baseUrl, api_base_url: apiBaseUrl, account_id: accountId, pid: process.pid })}\n`)
  return twin
}

async function main(): Promise<void> {
  const twin = await serveTwin({ options: process.argv[2] ?? process.env['TWIN_OPTIONS'], write: (line) => void process.stdout.write(line) })
  const end = () => void twin.close().then(() => process.exit(0))
  process.once('SIGTERM', end)
  process.once('SIGINT', end)
  process.stdin.once('end', end).once('error', end).resume()
}

const started = process.argv[1]
if (started !== undefined && realpathSync(started) === fileURLToPath(import.meta.url)) {
  main().catch((error: unknown) => {
    process.stderr.write(`${String(error)}\n`)
    process.exit(2)
  })
}
