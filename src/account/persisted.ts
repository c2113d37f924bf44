/** One named place in a store that outlives the process. */
export interface Persisted {
  /** What was saved last, undefined where nothing was. Rejects only where the store cannot be reached. */
  load(): Promise<unknown>
  /** Replaces it whole. */
  save(value: unknown): Promise<void>
  /**
   * Replaces what is there by what `change` makes of it, nobody else writing in between. A store without
   * it is read and then saved, and a write of another process in between is lost.
   */
  update?(change: (stored: unknown) => unknown): Promise<void>
  /** Tells what others save, as they do it. */
  watch?(changed: (stored: unknown) => void): void
}

/** {@link Persisted.update}, or the best that a store without it can do. */
export async function updatePersisted(persisted: Persisted, change: (stored: unknown) => unknown): Promise<void> {
  if (persisted.update) return persisted.update(change)
  await persisted.save(change(await persisted.load()))
}
