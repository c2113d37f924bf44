import type { Cleanup } from '../contract/index.js'

export interface CleanupStack {
  push(cleanup: Cleanup): void
  /**
   * Runs what is registered, last first, each once; an error goes to `warn` and stops nothing. A second
   * call while the first runs waits for it; what was registered in between runs too.
   */
  run(): Promise<void>
}

export function createCleanupStack(warn: (message: string) => void): CleanupStack {
  const stack: Cleanup[] = []
  let running: Promise<void> | undefined
  const drain = async () => {
    for (let cleanup = stack.pop(); cleanup; cleanup = stack.pop()) {
      try {
        await cleanup()
      } catch (error) {
        warn(`a cleanup failed: ${error instanceof Error ? error.message : String(error)}`)
      }
    }
  }
  return {
    push: (cleanup) => void stack.push(cleanup),
    run: () => (running ??= drain().finally(() => { running = undefined })),
  }
}
