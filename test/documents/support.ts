/** What `work` answers, and the milliseconds of CPU time that the process spent on it: other processes don't count. */
export async function measureCpu<T>(work: () => Promise<T> | T): Promise<{ value: T; cpuMs: number }> {
  const before = process.cpuUsage()
  const value = await work()
  const { user, system } = process.cpuUsage(before)
  return { value, cpuMs: (user + system) / 1000 }
}

/** No document costs more than this to read, whatever is in it. Where the processors were asked for twenty times over, the costliest took 720 in place of 200. */
export const MOST_CPU_MS = 1500
