/** A clock that is made up: what is due runs in its order, and what it settles goes on before the next. */

/** @param startMs what the clock says at the beginning */
export function createWorld(startMs = 1000) {
  const events = []
  const world = { nowMs: startMs }
  const up = (at) => {
    for (; at > 0 && events[(at - 1) >> 1].atMs > events[at].atMs; at = (at - 1) >> 1) [events[at], events[(at - 1) >> 1]] = [events[(at - 1) >> 1], events[at]]
  }
  const down = () => {
    for (let at = 0, next; (next = 2 * at + 1) < events.length; at = next) {
      if (next + 1 < events.length && events[next + 1].atMs < events[next].atMs) next++
      if (events[at].atMs <= events[next].atMs) return
      ;[events[at], events[next]] = [events[next], events[at]]
    }
  }
  /** Runs `run` after `ms`; a promise that it answers is waited for, and no time passes meanwhile. Answers what takes it back. */
  world.after = (ms, run) => {
    const event = { atMs: world.nowMs + ms, run }
    events.push(event)
    up(events.length - 1)
    return () => { event.run = undefined }
  }
  world.runUntil = async (endMs) => {
    while (events.length > 0 && events[0].atMs <= endMs) {
      const [event] = events
      const lastOne = events.pop()
      if (events.length > 0) {
        events[0] = lastOne
        down()
      }
      world.nowMs = event.atMs
      const waited = event.run?.()
      if (waited instanceof Promise) await waited
      for (let turn = 0; turn < 8; turn++) await undefined
    }
    world.nowMs = endMs
  }
  return world
}
