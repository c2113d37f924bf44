export interface World {
  nowMs: number
  after(ms: number, run: () => unknown): () => void
  runUntil(endMs: number): Promise<void>
}
export function createWorld(startMs?: number): World
