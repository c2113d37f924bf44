import { execFileSync } from 'node:child_process'
import { chmod } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { loadBundle, loadSettings } from '../../src/config/index.js'
import { measureCpu, MOST_CPU_MS } from '../documents/support.js'
import { messageOf, writeTree } from './support/tree.js'

describe('files', () => {
  test('a byte order mark and CRLF are no news in any form', async () => {
    const root = await writeTree({
      'a.yaml': '\uFEFFsession: {x: 1}\r\n', 'b.toml': '\uFEFF[session]\r\nx = 1\r\n', 'c.md': '\uFEFF---\r\nsession: {x: 1}\r\n---\r\nBody.\r\n',
    })
    for (const name of ['a.yaml', 'b.toml', 'c.md']) expect((await loadBundle(join(root, name))).mountPlan).toEqual({ session: { x: 1 } })
    expect((await loadBundle(join(root, 'c.md'))).instructions).toBe('Body.')
  })

  test.each([
    ['front matter without an end', 'a.md', '---\nbundle: {name: x}\n', '1:1: the front matter has no closing ---'],
    ['an error in front matter has the line of the file', 'a.md', '\n---\nbundle:\n  name: x\n\tversion: 1\n---\n', '5:1: a tab'],
    ['a NUL byte', 'a.yaml', 'a: 1\nb: x\0y', '2:5: the file holds a NUL byte'],
    ['bytes that are no UTF-8', 'a.yaml', new Uint8Array([0x61, 0x3a, 0x20, 0xff, 0xfe]), '1:4: the file is not UTF-8 text'],
    ['more than two megabytes', 'a.yaml', 'x'.repeat(2 * 1024 * 1024 + 1), '1:1: the file is larger than 2 MiB'],
  ])('%s', async (_name, file, content, expected) => {
    const root = await writeTree({ [file]: content })
    expect(await messageOf(loadBundle(join(root, file)))).toContain(`${join(root, file)}:${expected}`)
  })

  test.skipIf(process.platform === 'win32')('a pipe is refused, not waited for', async () => {
    const root = await writeTree({ x: '' })
    execFileSync('mkfifo', [join(root, 'a.yaml')])
    expect(await messageOf(loadBundle(join(root, 'a.yaml')))).toContain('the file is not a regular file')
  })

  test.skipIf(process.platform === 'win32')('an unreadable file says why', async () => {
    const root = await writeTree({ 'a.yaml': 'a: 1' })
    await chmod(root, 0o755)
    await chmod(join(root, 'a.yaml'), 0)
    // To the superuser every file is readable, so the test becomes another user while it reads.
    const superuser = process.getuid?.() === 0
    if (superuser) process.seteuid?.(65534)
    try {
      expect(await messageOf(loadBundle(join(root, 'a.yaml')))).toContain('cannot be read (EACCES)')
    } finally {
      if (superuser) process.seteuid?.(0)
    }
  })

  test('an error never quotes the file', async () => {
    const root = await writeTree({ 'a.yaml': 'api_key: sk-canary\n\tbad', 'b.toml': 'api_key = "sk-canary\nx', '.amplifier/settings.yaml': 'k: "sk-canary' })
    expect(await messageOf(loadBundle(join(root, 'a.yaml')))).not.toContain('canary')
    expect(await messageOf(loadBundle(join(root, 'b.toml')))).not.toContain('canary')
    expect((await loadSettings(root, { home: join(root, 'none') })).warnings.join()).not.toContain('canary')
  })

  test('a list of five thousand includes ends quickly', async () => {
    const root = await writeTree({ 'a.yaml': `includes: [${'x.yaml,'.repeat(5_000)}]`, 'b.yaml': `agents: {include: [${'y.md,'.repeat(5_000)}]}`, 'y.md': 'hi' })
    expect(await messageOf(loadBundle(join(root, 'a.yaml')))).toContain("which doesn't exist")
    const { value, cpuMs } = await measureCpu(() => messageOf(loadBundle(join(root, 'b.yaml'))))
    expect(value).toContain('more than 500 files are included')
    expect(cpuMs).toBeLessThan(MOST_CPU_MS)
  })
})
