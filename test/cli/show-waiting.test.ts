import { PassThrough } from 'node:stream'
import { setTimeout as wait } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { showWaiting } from '../../src/cli/show-waiting.js'

const open = (isTTY: boolean) => Object.assign(new PassThrough(), { isTTY })

test('a terminal sees for how long something is waited for, and nothing of it afterwards; a pipe sees nothing', async () => {
  const [terminal, pipe, dumb] = [open(true), open(false), open(true)]
  const ends = [showWaiting({ stderr: terminal, env: {} }, 'waiting', 5), showWaiting({ stderr: pipe, env: {} }, 'waiting', 5), showWaiting({ stderr: dumb, env: { TERM: 'dumb' } }, 'waiting', 5)]
  while (terminal.readableLength === 0) await wait(5)
  for (const end of [...ends, ...ends]) end()
  expect(String(terminal.read())).toMatch(/^(\rwaiting: \d+ s\u001b\[K)+\r\u001b\[K$/)
  expect([pipe.read(), dumb.read()]).toEqual([null, null])
  // An end before the first second leaves no trace.
  showWaiting({ stderr: terminal, env: {} }, 'waiting', 1000)()
  expect(terminal.read()).toBeNull()
})
