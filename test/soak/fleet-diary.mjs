/**
 * What the ledger believed, when: read from the server's own account of every command (MONITOR). By it a call beyond the limit is
 * told to be what a pause allows, since its process was taken for dead while it ran, or not.
 */
import { connect } from 'node:net'

const STATE = /^\+(\d+\.\d+) \[\d+ lua\] "SET" "amplifier-chatgpt:\{[^"]*\}:places" "((?:[^"\\]|\\.)*)"/

/** Times are those of `performance.now()`. */
export function createDiary() {
  /** the places of each process whenever they changed, in order of time */
  const entries = []
  let socket
  const note = (line) => {
    const [, seconds, text] = STATE.exec(line) ?? []
    if (!text) return
    const { owners } = JSON.parse(text.replace(/\\(["\\])/g, '$1'))
    const places = Object.fromEntries((Array.isArray(owners) ? owners : []).map((owner) => [owner.pid, owner.running + (owner.granted.length ?? 0)]))
    const before = entries.at(-1)
    if (JSON.stringify(before?.places) !== JSON.stringify(places)) entries.push({ atMs: Number(seconds) * 1000 - performance.timeOrigin, places })
  }
  return {
    /** From now on; again after the server was started anew. */
    watch(port) {
      socket?.destroy()
      let tail = ''
      socket = connect(port, '127.0.0.1', () => socket.write('MONITOR\r\n')).on('error', () => undefined)
      socket.on('data', (chunk) => {
        const lines = `${tail}${chunk}`.split('\r\n')
        tail = lines.pop()
        lines.forEach(note)
      })
    },
    /** Whether the ledger lost sight of the process while this call ran: it was taken for dead, and stands beside the limit. */
    lostSight: ({ pid, beganMs }, untilMs) => entries.some(({ atMs, places }, at) => atMs > beganMs && atMs <= untilMs && !(pid in places) && pid in (entries[at - 1]?.places ?? {})),
    /** Whether the ledger has heard of the process between the two. */
    counts: (pid, fromMs, toMs) => entries.some(({ atMs, places }) => atMs > fromMs && atMs <= toMs && pid in places),
    close: () => socket?.destroy(),
    entries,
  }
}
