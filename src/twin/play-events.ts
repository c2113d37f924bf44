/** Sends events at the pace and with the faults a reply asks for. */
import type { BakedEvent } from './build-events.js'
import type { Channel } from './channel.js'
import type { TwinFaults } from './types.js'
import { pause, waitForAbort } from './wait.js'

export type PlayOutcome = 'completed' | 'cut' | 'client_gone'

export interface PlayInput {
  /** in front, not counted */
  prelude: readonly BakedEvent[]
  events: Iterable<BakedEvent>
  faults: TwinFaults
  channel: Channel
  /** aborts when the client goes or the twin closes */
  signal: AbortSignal
}

export async function playEvents(input: PlayInput): Promise<PlayOutcome> {
  const { channel, faults, signal } = input
  const beat = faults.heartbeatMs === undefined ? undefined : setInterval(() => channel.heartbeat(), faults.heartbeatMs)
  try {
    const outcome = await play(input)
    if (outcome === 'cut' && !signal.aborted) await channel.cut()
    if (outcome === 'completed') await channel.finish()
    return signal.aborted && outcome === 'completed' ? 'client_gone' : outcome
  } finally {
    clearInterval(beat)
  }
}

async function play({ prelude, events, faults, channel, signal }: PlayInput): Promise<PlayOutcome> {
  if (faults.firstEventDelayMs !== undefined && !(await pause(faults.firstEventDelayMs, signal))) return 'client_gone'
  for (const event of prelude) channel.write(event)
  let sent = 0
  for (const event of events) {
    const stop = await passPoint(sent, { faults, channel, signal })
    if (stop) return stop
    if (faults.eventDelayMs !== undefined && sent > 0) {
      await channel.flush()
      if (!(await pause(faults.eventDelayMs, signal))) return 'client_gone'
    }
    const more = channel.write(event)
    sent += 1
    if (channel.isFull()) return 'cut'
    if (!more) await channel.ready()
    if (signal.aborted) return 'client_gone'
  }
  return (await passPoint(sent, { faults, channel, signal })) ?? 'completed'
}

/** What the faults want after `sent` events. */
async function passPoint(sent: number, { faults, channel, signal }: Pick<PlayInput, 'faults' | 'channel' | 'signal'>): Promise<PlayOutcome | undefined> {
  if (faults.malformedAfterEvents === sent) channel.writeMalformed()
  if (faults.stallAfterEvents === sent) {
    await channel.flush()
    if (faults.stallMs === undefined) await waitForAbort(signal)
    if (faults.stallMs === undefined || !(await pause(faults.stallMs, signal))) return 'client_gone'
  }
  if (faults.cutAfterEvents !== sent) return undefined
  await channel.flush()
  return 'cut'
}
