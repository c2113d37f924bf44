/** One named place in a store that outlives the process. */
export interface Persisted {
  /** What was saved last, undefined where nothing was. Rejects only where the store cannot be reached. */
  load(): Promise<unknown>
  /** Replaces the stored value. */
  save(value: unknown): Promise<void>
  /**
   * Replaces the stored value by what `change` makes of it, as one step: no other process can write in between.
   * In a store without this, which is read and then saved, such a write is lost.
   */
  update?(change: (stored: unknown) => unknown): Promise<void>
  /** Calls `changed` with each value that another process saves. */
  watch?(changed: (stored: unknown) => void): void
}

/** {@link Persisted.update}; in a store without it, load and save. */
export async function updatePersisted(persisted: Persisted, change: (stored: unknown) => unknown): Promise<void> {
  if (persisted.update) return persisted.update(change)
  await persisted.save(change(await persisted.load()))
}
