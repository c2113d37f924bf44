import { afterAll, beforeAll, expect, test } from 'vitest'
import { openCommandLine, type CommandLine } from '../cli/support.js'
import { renderDemoPicture } from './demo-picture.js'
import { renderOptionsPage } from './options-page.js'

let cli: CommandLine
beforeAll(async () => { cli = await openCommandLine() })
afterAll(() => cli.close())

test('docs/options.md says what the schemas say (npm run docs writes it)', async () => {
  await expect(renderOptionsPage()).toMatchFileSnapshot('../../docs/options.md')
})

test.skipIf(process.platform === 'win32')('docs/demo.svg shows what the demo prints (npm run docs writes it)', async () => {
  const { code, stdout } = await cli.run(['demo'])
  expect(code).toBe(0)
  await expect(renderDemoPicture(stdout)).toMatchFileSnapshot('../../docs/demo.svg')
})
