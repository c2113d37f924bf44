import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'

function check(bugs: unknown): { code: number | null; said: string } {
  const folder = mkdtempSync(join(tmpdir(), 'release-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const file = join(folder, 'package.json')
  writeFileSync(file, JSON.stringify({ name: 'x', bugs }))
  const { status, stderr } = spawnSync(process.execPath, ['check-release.mjs', file], { encoding: 'utf8' })
  return { code: status, said: stderr }
}

test.each([undefined, {}, { email: '' }, { email: 'unset' }, { email: 'security@unset.invalid' }, { email: 'me@example.com' }])('a release fails while nobody reads reports: %j', (bugs) => {
  expect(check(bugs)).toEqual({ code: 1, said: expect.stringContaining('npm pkg set bugs.email=ADDRESS') as string })
})

test('a release with an address passes', () => {
  expect(check({ email: 'security@made-up.dev' })).toEqual({ code: 0, said: '' })
})

test('publishing runs the check, and the pages are part of the package', () => {
  const { scripts, files } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string>; files: string[] }
  expect(scripts.prepublishOnly).toContain('node check-release.mjs')
  expect(files).toEqual(expect.arrayContaining(['SECURITY.md', 'docs']))
})
