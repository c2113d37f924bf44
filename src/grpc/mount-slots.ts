import type { Metadata } from '@grpc/grpc-js'
import { InvalidRequestError, NotFoundError } from '../contract/index.js'
import { isRecord, parseJson } from '../lib/index.js'
import { createMountSlot, type MountSlot, type SlotContext } from './mount-slot.js'

/**
 * The mounts of a sidecar. Calls whose metadata has `x-amplifier-mount` go to the mount of that name, which `Mount`
 * made; all others to the one that the server was started with.
 */
export interface MountSlots {
  /** @throws NotFoundError `unknown_mount` for a name that Mount did not make, or that Cleanup ended */
  of(metadata: Metadata): MountSlot
  /**
   * Mounts `config`, JSON texts by key, under the name in the metadata; `x-amplifier-session` and `x-amplifier-parent`
   * there say whose mount it is, `x-amplifier-trust: 1` of a caller with the secret that the host program itself wrote the
   * config, `x-amplifier-written`, JSON text, what was written to it after its mount. @throws LLMError
   */
  mount(metadata: Metadata, config: Readonly<Record<string, string>>): Promise<void>
  unmount(metadata: Metadata): Promise<void>
  /** Takes every mount down. */
  close(): Promise<void>
}

export interface MountSlotsOptions extends SlotContext {
  /** the server's own */
  config: Record<string, unknown>
  /** callers have to know no secret, so none of them may say more than a project may, whatever its metadata claims */
  isAnonymous: boolean
}

export function createMountSlots({ config: own, isAnonymous, ...context }: MountSlotsOptions): MountSlots {
  const first = createMountSlot(own, context)
  const named = new Map<string, MountSlot>()
  return {
    of(metadata) {
      const name = read(metadata, 'mount')
      const slot = name === undefined ? first : named.get(name)
      if (!slot) throw new NotFoundError(`there is no mount ${name}; the sidecar was started again, or it was taken down`, { code: 'unknown_mount', retryable: true })
      return slot
    },
    async mount(metadata, texts) {
      const name = read(metadata, 'mount')
      if (name === undefined) return first.mount({ config: Object.fromEntries(Object.entries(texts).map(([key, text]) => [key, readSetting(text)])), isAnonymous })
      const config = Object.fromEntries(Object.entries(texts).map(([key, text]) => [key, readJson(key, text)]))
      const slot = createMountSlot({}, context, { sessionId: read(metadata, 'session'), parentId: read(metadata, 'parent') })
      await named.get(name)?.unmount()
      // Kept where the mount fails too: its next call tries again.
      named.set(name, slot)
      const written = parseJson(read(metadata, 'written') ?? '{}')
      if (!isRecord(written)) throw new InvalidRequestError('x-amplifier-written must be the JSON text of an object', { code: 'invalid_json' })
      await slot.mount({ config, written, isAnonymous, isHostBuilt: !isAnonymous && read(metadata, 'trust') === '1' })
    },
    async unmount(metadata) {
      const name = read(metadata, 'mount')
      if (name === undefined) return first.unmount()
      const slot = named.get(name)
      named.delete(name)
      await slot?.unmount()
    },
    async close() {
      await Promise.all([first, ...named.values()].map((slot) => slot.unmount()))
    },
  }
}

function read(metadata: Metadata, key: 'mount' | 'session' | 'parent' | 'trust' | 'written'): string | undefined {
  return metadata.get(`x-amplifier-${key}`)[0]?.toString() || undefined
}

/** Kernels give strings: mappings and lists among them are JSON text, the rest is coerced by the module. */
function readSetting(text: string): unknown {
  const value = /^\s*[[{]/.test(text) ? parseJson(text) : undefined
  return isRecord(value) || Array.isArray(value) ? value : text
}

function readJson(key: string, text: string): unknown {
  if (text === 'null') return null
  const value = parseJson(text)
  if (value === undefined) throw new InvalidRequestError(`config.${key} must be JSON text`, { code: 'invalid_json' })
  return value
}
