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
  'test/fuzz/**', // 12
  'test/published-proxy.test.ts', // 6
  'test/upstream/upstream-behaviours.test.ts', // 16: a mount of its own for each of a hundred behaviours
  'test/auth/python-module.test.ts', // 7: twenty processes of another program
  'test/auth/processes.test.ts', // 7
  'test/auth/redis-cluster.test.ts', // 12: three servers that find each other, and a slot that moves
  'test/threats/hostile-projects.test.ts', // 6
  'test/grpc/application.test.ts', // the real application in a Python of its own
  'test/cli/process.test.ts', // sixteen runs of the command line
  'test/examples.test.ts', // each example as a program
  'test/networks.test.ts', // command lines behind proxies
  'test/lanes/terminal.test.ts', // sign-ins in a terminal
  'test/auth/refresh-replies.test.ts', // hundreds of made-up replies, files on disk
  'test/responses/large-answers.test.ts', // 40,000 items each
  'test/conformance/large.test.ts',
  'test/account/place-model.test.ts', // a minute of a fleet's life on a real Redis
  'test/account/estimate-pace.test.ts', // traces of eight hours
  'test/routing/verified-routes.test.ts',
  'test/usage/live-board.test.ts',
  'test/transport/soak.test.ts',
  'test/http/compose.test.ts', // the compose file as processes
  'test/page/page.test.ts', // a browser
  'test/lanes/stores.test.ts', // 23: each token store in each lane, processes of their own
  'test/account/place-ledgers.test.ts', // 20: leases that end, over files and Redis
  'test/cli/fleet-redis.test.ts', // 15: runs of the command line over a Redis
  'test/cli/usage.test.ts', // 13: runs of the command line
  'test/transport/networks.test.ts', // 9
  'test/transport/back-pressure.test.ts', // 7
  'test/http/slow-readers.test.ts', // 7
  'test/threats/through-amplifier.test.ts', // 6: a Python kernel
  'test/ai-sdk/example.test.ts', // 6
  'test/http/example.test.ts', // 3
  'test/twin/serve.test.ts', // 4
  'test/cli/proxies.test.ts', // 17: command lines behind proxies
  'test/cli/first-steps.test.ts', // 14: runs of the command line
  'test/cli/hostile-text.test.ts', // 13: the same
  'test/cli/change-key.test.ts', // 9: the same, over a Redis
  'test/grpc/serve.test.ts', // the same
  'test/docs/programs.test.ts', // each program and command of the pages, as a process of the built package
  'test/startup.test.ts', // processes of the built package, timed
  'test/threats/through-the-host.test.ts', // 11: every hostile folder through a host of its own
  'test/auth/hostile-places.test.ts', // 7: as another user, on a disk that is full
  'test/auth/redis-tls.test.ts', // 6: a Redis of its own for each way to trust
  'test/docs/containers.test.ts', // 6: the pages' images as folders and processes
  'test/routing/vectors.test.ts', // 6: 2,406 answers of the reference
  'test/provider/deep-values.test.ts', // 6
  'test/check-release.test.ts', // 5: the release check as a program
  'test/account/quota-admission.test.ts', // 5: days of agents
]
/** Run with the others too, on a fifth of their made-up cases (test/support/made-up.ts). */
const MADE_UP = [
  'test/account/concurrency-limiter.test.ts', 'test/account/quota.test.ts', 'test/lib/decode-scalar.test.ts', 'test/provider/answer-guard.test.ts',
  'test/responses/conversation-cache.test.ts', 'test/responses/generated-answers.test.ts', 'test/responses/map-wire-failure.test.ts',
  'test/responses/repair-tool-sequence.test.ts', 'test/responses/response-chain.test.ts', 'test/routing/glob.test.ts', 'test/routing/rank-models.test.ts',
]
/**
 * What changes the process itself, or looks at what is loaded in it: a process of its own each. All others share a few:
 * loading the code again for each file took 141 s on two cores, shared it takes 64. Workers end between projects, not between files.
 */
const ALONE = [
  'test/lib/file-lock.test.ts', // puts a file system of its own in place of Node's
  'test/transport/lazy.test.ts', // counts what is loaded
]
/** `only`: the long tests; `too`: all; else the others. */
const long = process.env['TEST_LONG']
const include = long === 'only' ? [...LONG, ...MADE_UP].map((path) => path.replace(/\*\*$/, '**/*.test.ts')) : ['test/**/*.test.ts']
const exclude = [...configDefaults.exclude, ...(long === undefined && isWholeRun() ? LONG : [])]
// What hangs is found in a minute and a half too; on a busy machine a test of 2 s took 25.
const limits = { testTimeout: 90_000, hookTimeout: 90_000, expect: { poll: { timeout: 10_000 } } }

export default defineConfig({
  test: {
    pool: 'forks',
    // On two cores vitest's own choice is one fork; the suite waits more than it computes. A pool that may shrink ends a worker twice
    // when its queue runs dry, and the run with it: both limits are the same.
    poolOptions: { forks: { isolate: false, minForks: 4, maxForks: 4 } },
    // No file may need another before it. The run prints its seed; TEST_ORDER=SEED repeats the order.
    sequence: { shuffle: { files: true, tests: false }, seed: Number(process.env['TEST_ORDER'] ?? Date.now()) },
    reporters: ['default'],
    projects: [
      { test: { name: 'shared', include, exclude: [...exclude, ...ALONE], ...limits } },
      ...(long === 'only' ? [] : ALONE.map((path) => ({ test: { name: path, include: [path], exclude, ...limits } }))),
    ],
  },
})

/** Files that are named on the command line run whatever their list. */
function isWholeRun(): boolean {
  return !process.argv.some((word) => /(^|\/)test\//.test(word))
}
