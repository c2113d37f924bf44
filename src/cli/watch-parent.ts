import { fstatSync } from 'node:fs'

export interface ParentWatch {
  end(): void
}

const CHECK_MS = 500

/**
 * Calls `gone` once: when stdin closes, where it is a pipe, or when the parent process has died. A stdin of
 * /dev/null or a terminal says nothing about the parent.
 */
export function watchParent(stdin: NodeJS.ReadableStream, gone: () => void): ParentWatch {
  const parent = process.ppid
  const timer = setInterval(() => { if (process.ppid !== parent) gone() }, CHECK_MS)
  timer.unref()
  const piped = isPipe()
  if (piped) {
    stdin.on('end', gone).on('close', gone).on('error', gone)
    stdin.resume()
  }
  return {
    end() {
      clearInterval(timer)
      if (!piped) return
      stdin.off('end', gone).off('close', gone).off('error', gone)
      stdin.pause()
      if ('destroy' in stdin && typeof stdin.destroy === 'function') stdin.destroy()
    },
  }
}

function isPipe(): boolean {
  try {
    const stat = fstatSync(0)
    return stat.isFIFO() || stat.isSocket()
  } catch {
    return false
  }
}
