/** What has to hold before a release, besides the tests: somebody reads reports about its security. `npm publish` runs it. */
import { readFileSync } from 'node:fs'

const file = process.argv[2] ?? new URL('package.json', import.meta.url)
const { bugs } = JSON.parse(readFileSync(file, 'utf8'))
const address = bugs?.email ?? ''

if (!/^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(address) || /@(?:.*\.)?(?:example(?:\.\w+)?|invalid|test)$/i.test(address)) {
  console.error('package.json: bugs.email names nobody who reads reports about security (SECURITY.md). Set it: npm pkg set bugs.email=ADDRESS')
  process.exitCode = 1
}
