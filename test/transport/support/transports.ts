import { createTransport, type FrameStream, type Transport, TransportFailure, type TransportOptions } from '../../../src/transport/index.js'
import { onCleanup } from './servers.js'

/** A transport with an empty environment that ends with the test. */
export function openTransport(options: TransportOptions = {}): Transport {
  const transport = createTransport({ env: {}, ...options })
  onCleanup(() => transport.close())
  return transport
}

/** Every frame until the end. */
export async function readAll(stream: FrameStream): Promise<string[]> {
  const frames: string[] = []
  for (;;) {
    const batch = await stream.next()
    if (!batch) return frames
    frames.push(...batch)
  }
}

/** The TransportFailure a promise ends with, its fields to compare whole. */
export async function failureOf(work: Promise<unknown> | (() => unknown)): Promise<TransportFailure> {
  try {
    await (typeof work === 'function' ? work() : work)
  } catch (error) {
    if (error instanceof TransportFailure) return error
    throw error
  }
  throw new Error('it went well, but a TransportFailure was expected')
}
