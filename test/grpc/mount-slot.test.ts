import { expect, test } from 'vitest'
import { createCallEvents } from '../../src/grpc/call-events.js'
import { createMountSlot } from '../../src/grpc/mount-slot.js'

test('a mount that goes on failing for one reason warns of it once, and throws it every time', async () => {
  const warned: string[] = []
  const slot = createMountSlot({}, { events: createCallEvents(), warn: (message) => warned.push(message) })
  await expect(slot.mount({ config: { auth_mode: 'chatgpt' } })).rejects.toThrow('auth_mode')
  for (let count = 0; count < 2; count++) await expect(slot.provider()).rejects.toMatchObject({ code: 'invalid_option' })
  expect(warned).toHaveLength(1)
  expect(slot.lastWarning).toBe(warned[0])
  await expect(slot.mount({ config: { raw: 'maybe' } })).rejects.toThrow('raw')
  expect(warned).toHaveLength(2)
})
