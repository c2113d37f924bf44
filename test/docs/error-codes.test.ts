import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const root = fileURLToPath(new URL('../../src', import.meta.url))
const page = readFileSync(new URL('../../docs/troubleshooting.md', import.meta.url), 'utf8')

const KINDS = '(?:RateLimit|QuotaExceeded|Authentication|AccessDenied|ContextLength|ContentFilter|InvalidRequest|NotFound|ProviderUnavailable|Network|LLMTimeout|Abort|Stream|Configuration)Error'
/** An error of the family or a refusal of the HTTP server that is made with a code of ours, or a row of the table of failures. */
const MADE = new RegExp(`(?:new (?:HttpFailure|${KINDS})\\(|kind: '${KINDS}')(?:(?!new (?:HttpFailure|\\w+Error)\\().){0,700}?code: '(\\w+)'(?! \\|)`, 'gs')
/** What is refused of a message. */
const REFUSED = /throw invalid\(state, .*'(\w+)'\)/g

const files = readdirSync(root, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts') && !/generated|^(twin|conformance)\b/.test(name))
const textOf = (name: string) => readFileSync(join(root, name), 'utf8')

function listCodes(): string[] {
  const made = files.flatMap((name) => [...textOf(name).matchAll(MADE)].map(([, code]) => code as string))
  const stores = [...textOf(join('auth', 'token-store.ts')).matchAll(/type (?:StoreFault|TokenStoreErrorCode) = (.*)/g)]
    .flatMap(([, kinds]) => [...(kinds as string).matchAll(/'(\w+)'/g)].map(([, kind]) => `token_store_${kind as string}`))
  const refused = [...textOf(join('responses', 'message-items.ts')).matchAll(REFUSED)].map(([, code]) => code as string)
  const listed = [...textOf(join('account', 'fetch-models.ts')).matchAll(/message: '[^']*', code: '(\w+)'/g), ...textOf(join('documents', 'finding.ts')).matchAll(/code = '(\w+)'/g), ...textOf(join('lib', 'listen-failure.ts')).matchAll(/code: '(\w+)'/g)].map(([, code]) => code as string)
  return [...new Set([...made, ...listed, ...stores, ...refused])].filter((code) => !code.startsWith('haiku_')).sort()
}

test('every code of ours has its row, and no row is about a code that is gone', () => {
  const codes = listCodes()
  expect(codes.length).toBeGreaterThan(100)
  const rows = [...page.matchAll(/^\| ((?:`\w+`(?:, )?)+) \|/gm)].flatMap(([, cell]) => [...(cell as string).matchAll(/`(\w+)`/g)].map(([, code]) => code as string))
  // The endpoint answers some of the words that the backend has too: such a code has a row for each.
  const told = [...new Set(rows)].filter((code) => !/Error$/.test(code)).sort()
  expect(told).toEqual(codes)
})
