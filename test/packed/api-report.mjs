/**
 * The public types as text, one file an export in api/: a change of theirs is seen in review.
 *
 * `node test/packed/api-report.mjs` holds the built package against the files and exits 1 where they differ;
 * with `--update` (`npm run api`) it writes them. Wants dist/.
 */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { CompilerState, Extractor, ExtractorConfig } from '@microsoft/api-extractor'

const root = fileURLToPath(new URL('../..', import.meta.url))
const update = process.argv.includes('--update')
const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const entries = Object.entries(exports).filter(([, entry]) => entry.types).map(([door, { types }]) => [door === '.' ? 'index' : basename(door), types])
const work = mkdtempSync(join(tmpdir(), 'api-report-'))
mkdirSync(join(root, 'api'), { recursive: true })

function configure([name, types]) {
  return ExtractorConfig.prepare({
    packageJsonFullPath: join(root, 'package.json'),
    configObjectFullPath: undefined,
    configObject: {
      projectFolder: root,
      mainEntryPointFilePath: join(root, types),
      newlineKind: 'lf',
      compiler: { tsconfigFilePath: join(root, 'tsconfig.json') },
      apiReport: { enabled: true, reportFileName: name, reportFolder: join(root, 'api'), reportTempFolder: work, includeForgottenExports: true },
      docModel: { enabled: false },
      dtsRollup: { enabled: false },
      tsdocMetadata: { enabled: false },
      messages: {
        compilerMessageReporting: { default: { logLevel: 'none' } },
        extractorMessageReporting: { default: { logLevel: 'none' } },
        tsdocMessageReporting: { default: { logLevel: 'none' } },
      },
    },
  })
}

function report(config, compilerState) {
  const before = existsSync(config.reportFilePath)
  const result = Extractor.invoke(config, { compilerState, localBuild: update, showVerboseMessages: false, messageCallback: (message) => { message.handled = true } })
  const same = before && !result.apiReportChanged
  const verdict = update ? 'written' : 'the public types are others than it says; read what changed after npm run api'
  if (!same) console.log(`${relative(root, config.reportFilePath)}: ${verdict}`)
  return same || update
}

try {
  const configs = entries.map(configure)
  // One program for all: the compiler reads the package and its dependencies once, not once for each export.
  const program = CompilerState.create(configs[0], { additionalEntryPoints: configs.map(({ mainEntryPointFilePath }) => mainEntryPointFilePath) })
  const held = configs.map((config) => report(config, program))
  console.log(`${held.filter(Boolean).length} of ${held.length} reports of public types hold`)
  process.exitCode = held.every(Boolean) ? 0 : 1
} finally {
  rmSync(work, { recursive: true, force: true })
}
