import { configDefaults, defineConfig } from 'vitest/config'

/** What takes long and changes seldom: `npm run test:long`. Seconds of one file on two cores, all tests at once. */
const LONG = [
  'test/grpc/amplifier.test.ts', // 81: sessions of the real kernel, in two versions
  'test/provider/recordings.test.ts', // 51: every stream cut after each event, on both transports
  'test/provider/fallback-table.test.ts', // 28
  'test/documents/hostile-documents.test.ts', // 27
  'test/conformance/conformance.test.ts', // 26
  'test/responses/recorded-bytes.test.ts', // 22: every stream cut at each byte
  'test/routing/replay-recording.test.ts', // 19
  'test/provider/wire-edges.test.ts', // 18
  'test/secrets.test.ts', // 12
  'test/grpc/rust-kernel.test.ts', // 9
  'test/grpc/upstream-settings.test.ts', // 8
  'test/fuzz/**', // 8
  'test/auth/python-module.test.ts', // 7: twenty processes of another program
  'test/auth/processes.test.ts', // 7
  'test/threats/hostile-projects.test.ts', // 6
]
/** `only`: the long tests; `too`: all; else the others. */
const long = process.env['TEST_LONG']

export default defineConfig({
  test: {
    include: long === 'only' ? LONG.map((path) => path.replace(/\*\*$/, '**/*.test.ts')) : ['test/**/*.test.ts'],
    exclude: [...configDefaults.exclude, ...(long === undefined && isWholeRun() ? LONG : [])],
    pool: 'forks',
    // On two cores vitest's own choice is one fork; the suite waits more than it computes.
    poolOptions: { forks: { minForks: 1, maxForks: 2 } },
    testTimeout: 20_000,
    hookTimeout: 30_000,
    reporters: ['default'],
  },
})

/** Files that are named on the command line run whatever their list. */
function isWholeRun(): boolean {
  return !process.argv.some((word) => /(^|\/)test\//.test(word))
}
