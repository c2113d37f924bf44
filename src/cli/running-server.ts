/** A server that listens. `serve` announces it, waits until it is stopped, and closes it. */
export interface RunningServer {
  /** what stdout says: a text, and the value under `--json` */
  announcement: { text: string; value?: unknown }
  /** Calls `stop` where something else than a signal ends the server. */
  watch?(stop: () => void): { end(): void }
  /**
   * Ends its calls and its mount; twice without harm.
   * @param options.drain lets running calls finish first, within the server's own limit
   */
  close(options?: { drain?: boolean }): Promise<void>
}
