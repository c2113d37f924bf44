const SINGLE_POINTS: ReadonlySet<string> = new Set(['orchestrator', 'context', 'module-source-resolver'])
const NAMED_POINTS: ReadonlySet<string> = new Set(['providers', 'tools'])

/** What is mounted where. Points that hold one module answer it, points that hold many answer all by name, in mount order. */
export interface Registry {
  mount(point: string, module: unknown, name?: string): void
  unmount(point: string, name?: string): void
  get(point: string, name?: string): unknown
  /** Everything under `point` as it stands, to be compared with later; empty for a point that holds one. */
  snapshot(point: string): ReadonlyMap<string, unknown>
  /** Gives what is mounted as `from` the key `to`, and `from` back to `displaced` where there was one. */
  rename(point: string, from: string, to: string, displaced?: unknown): void
}

function nameOf(module: unknown): string | undefined {
  if (typeof module !== 'object' || module === null || !('name' in module)) return undefined
  return typeof module.name === 'string' && module.name !== '' ? module.name : undefined
}

/** @throws Error for a point that does not exist, for `hooks`, and for a named point without a name */
export function createRegistry(): Registry {
  const single = new Map<string, unknown>()
  const named = new Map<string, Map<string, unknown>>([...NAMED_POINTS].map((point) => [point, new Map<string, unknown>()]))

  const namedPoint = (point: string): Map<string, unknown> => {
    const modules = named.get(point)
    if (modules) return modules
    if (point === 'hooks') throw new Error('hooks is no mount point: register handlers with coordinator.hooks.register()')
    throw new Error(`unknown mount point ${point}; there are ${[...SINGLE_POINTS, ...NAMED_POINTS].sort().join(', ')}`)
  }

  return {
    mount(point, module, name = nameOf(module)) {
      if (SINGLE_POINTS.has(point)) {
        single.set(point, module)
        return
      }
      const modules = namedPoint(point)
      if (name === undefined || name === '') throw new Error(`mounting at ${point} needs a name: mount(${JSON.stringify(point)}, module, { name })`)
      modules.set(name, module)
    },
    unmount(point, name) {
      if (SINGLE_POINTS.has(point)) {
        single.delete(point)
        return
      }
      const modules = namedPoint(point)
      if (name === undefined) throw new Error(`unmounting from ${point} needs a name`)
      modules.delete(name)
    },
    get(point, name) {
      if (SINGLE_POINTS.has(point)) return single.get(point)
      const modules = namedPoint(point)
      return name === undefined ? Object.fromEntries(modules) : modules.get(name)
    },
    snapshot: (point) => new Map(named.get(point)),
    rename(point, from, to, displaced) {
      const modules = namedPoint(point)
      const module = modules.get(from)
      // Set, not deleted: a displaced module keeps its place in the mount order.
      if (displaced === undefined) modules.delete(from)
      else modules.set(from, displaced)
      modules.set(to, module)
    },
  }
}
