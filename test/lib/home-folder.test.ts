import { homedir, userInfo } from 'node:os'
import { resolve } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { findHomeFolder } from '../../src/lib/index.js'

test('the environment says where the home folder is, in the order of the systems', () => {
  expect(findHomeFolder({ HOME: resolve('/home/a'), USERPROFILE: resolve('/home/b') })).toBe(resolve('/home/a'))
  expect(findHomeFolder({ USERPROFILE: resolve('/home/b') })).toBe(resolve('/home/b'))
  expect(findHomeFolder({})).toBe(homedir())
})

test.each(['', '.', './x', 'x', '~'])('a home of %j, which would be the folder that one is in, counts for nothing', (home) => {
  expect(findHomeFolder({ HOME: home, USERPROFILE: home })).toBe(homedir())
  onTestFinished(() => void vi.unstubAllEnvs())
  vi.stubEnv('HOME', home)
  expect(findHomeFolder()).toBe(process.env['USERPROFILE'] ?? userInfo().homedir)
})
