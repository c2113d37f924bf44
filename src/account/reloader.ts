import { startElapsed } from '../lib/index.js'
import type { Persisted } from './persisted.js'

export interface Reloader {
  /** Settles when what was kept has been read, or could not be. */
  loaded(): Promise<void>
  /** What another process or host has learned since is read behind an answer; the next one knows it. */
  reloadBehind(): void
}

/** How old what was kept may get while calls are judged by it. */
const RELOAD_MS = 5000

/** Hands what is kept to `take`: at once, whenever another process is seen to save, and every 5 s that somebody asks. */
export function createReloader(persisted: Persisted | undefined, take: (stored: unknown) => void, now: () => number): Reloader {
  const load = async () => persisted?.load().then(take, () => undefined)
  let loadedFor = startElapsed(now)
  let loading = load()
  persisted?.watch?.(take)
  return {
    loaded: () => loading,
    reloadBehind() {
      if (loadedFor() < RELOAD_MS) return
      loadedFor = startElapsed(now)
      loading = load()
    },
  }
}
