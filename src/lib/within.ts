/**
 * What `work` comes to, or the failure that `onLate` names where it takes longer. The work itself goes on, and is heard no more.
 * @param ms at least 0
 */
export async function within<Value>(ms: number, work: Promise<Value>, onLate: () => Error): Promise<Value> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(onLate()), ms)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}
