/** What happens to a whole mount while its agents work, and what a turn under way may then say. */
const HOUR_MS = 3_600_000
/** A close frame takes this long at most to be noticed where the loop is busy. */
const NOTICE_MS = 50

const DISTURBANCES = {
  nothing: { weight: 88 },
  tokens_expire: { weight: 2, kills: true, run: ({ twin }) => twin.expireAccessTokens() },
  refresh_fails: { weight: 0.7, kills: true, run({ twin }, random) {
    twin.enqueueRefresh(random.pick([{ status: 503 }, { reset: 'before' }, { delayBeforeMs: 30 }]))
    twin.expireAccessTokens()
  } },
  // Past the age at which a line is given up, past the tokens' lifetime and the catalog's.
  an_hour_passes: { weight: 1, kills: true, run: (door) => { door.skewMs += HOUR_MS - 4 * 60_000 } },
  five_idle_minutes: { weight: 1.5, run: (door) => { door.skewMs += 5 * 60_000 } },
  connection_limit: { weight: 1.5, run: ({ twin }) => twin.expireConnections() },
  responses_forgotten: { weight: 2, run: ({ twin }) => twin.forgetResponses() },
  // Who has just sent a request when the far side gives up an idle line cannot know whether it ran.
  idle_sockets_close: { weight: 2, breaks: true, run: ({ twin }, random) => twin.closeSockets(random.pick([undefined, 1000, 1001, 1011, 4000]), '', { idle: true }) },
}

/** The door of one mount with the counts by which a turn knows what happened meanwhile. */
export function createDisturber(door) {
  const counts = Object.fromEntries(Object.keys(DISTURBANCES).map((name) => [name, 0]))
  const state = { any: 0, kills: 0, brokenAtMs: -Infinity }
  return {
    counts,
    maybe(random) {
      const name = random.weighted(Object.fromEntries(Object.entries(DISTURBANCES).map(([each, { weight }]) => [each, weight])))
      counts[name]++
      const { run, kills, breaks } = DISTURBANCES[name]
      if (!run) return
      this.note({ kills, breaks })
      run(door, random)
    },
    /** Something that other turns of the mount may feel. */
    note({ kills, breaks }) {
      state.any++
      if (kills) state.kills++
      if (breaks) state.brokenAtMs = performance.now()
    },
    snapshot: () => ({ ...state, atMs: performance.now(), refreshes: door.twin.refreshes.length }),
    since(before) {
      const refreshes = door.twin.refreshes.slice(before.refreshes)
      return {
        quiet: state.any === before.any && refreshes.length === 0,
        killed: state.kills > before.kills,
        broken: state.brokenAtMs > before.atMs - NOTICE_MS,
        refreshFailed: refreshes.some(({ outcome }) => outcome !== 'ok'),
      }
    },
  }
}
