/** Takes the lock again and again, counts, and reports whoever is inside with it and alive. Told to stop by a signal. */
import { appendFileSync, closeSync, openSync, readFileSync, renameSync, unlinkSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { withFileLock } from '../../../src/auth/file-lock.js'

const folder = process.argv[2] ?? '.'
const at = (name: string) => join(folder, name)

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

function enter(): void {
  for (;;) {
    try {
      const file = openSync(at('inside'), 'wx')
      writeSync(file, String(process.pid))
      return closeSync(file)
    } catch {
      const other = Number(readFileSync(at('inside'), 'utf8') || 0)
      if (other !== 0 && other !== process.pid && isAlive(other)) appendFileSync(at('violations'), `${other} and ${process.pid}\n`)
      unlinkSync(at('inside'))
    }
  }
}

for (;;) {
  await withFileLock({ folder: at('token.json.lock'), place: 'token.json' }, async () => {
    enter()
    const count = Number(readFileSync(at('count'), 'utf8'))
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 2))
    writeFileSync(at(`count.${process.pid}`), String(count + 1))
    renameSync(at(`count.${process.pid}`), at('count'))
    appendFileSync(at('log'), '.')
    unlinkSync(at('inside'))
  })
}
