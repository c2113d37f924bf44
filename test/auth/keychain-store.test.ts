import { describe, expect, test } from 'vitest'
import { createKeychainStore, type Keyring } from '../../src/auth/index.js'
import { testFolder } from './support/folder.js'
import { originalRecord } from './support/tokens.js'

/** A keychain as the strictest platform has it: values of 2,560 bytes of UTF-16 at most. */
function createStrictKeyring(values: Map<string, string>, fail?: { on?: (name: string, value: string) => void }): Keyring {
  return {
    AsyncEntry: class {
      readonly #name: string
      constructor(service: string, username: string) {
        this.#name = `${service}/${username}`
      }
      async getPassword() {
        return values.get(this.#name)
      }
      async setPassword(password: string) {
        if (password.length * 2 > 2560) throw new Error('Attribute password is longer than platform limit of 2560 chars')
        fail?.on?.(this.#name, password)
        values.set(this.#name, password)
      }
      async deletePassword() {
        if (!values.delete(this.#name)) throw new Error('No matching entry found in secure storage')
      }
    },
  }
}

async function setUp(fail?: { on?: (name: string, value: string) => void }) {
  const values = new Map<string, string>()
  const store = createKeychainStore({ lane: 'codex', folder: await testFolder(), keyring: createStrictKeyring(values, fail) })
  return { values, store }
}

describe('the keychain', () => {
  test('keeps a credential that is longer than any of its values may be', async () => {
    const { store, values } = await setUp()
    const record = { ...originalRecord(), filling: `ä€😀${'x'.repeat(9000)}` }
    await store.save(record)
    expect(await store.load()).toEqual({ state: 'present', record })
    await store.save(originalRecord())
    expect(await store.load()).toEqual({ state: 'present', record: originalRecord() })
    expect(values.size).toBeLessThan(4)
  })

  test('refuses what is longer than it takes, and keeps what it has', async () => {
    const { store } = await setUp()
    await store.save(originalRecord())
    await expect(store.save({ ...originalRecord(), filling: 'x'.repeat(70_000) })).rejects.toMatchObject({ name: 'TokenStoreError', code: 'unwritable', message: expect.stringContaining('takes 64000 characters') as string })
    expect(await store.load()).toEqual({ state: 'present', record: originalRecord() })
  })

  test('has the old credential until the new one is whole', async () => {
    let calls = 0
    const fail: { on?: () => void } = {}
    const { store } = await setUp(fail)
    await store.save(originalRecord())
    fail.on = () => {
      calls += 1
      if (calls === 2) throw new Error('The keychain was locked')
    }
    await expect(store.save({ ...originalRecord(), filling: 'x'.repeat(3000) })).rejects.toMatchObject({ code: 'unwritable' })
    expect(await store.load()).toEqual({ state: 'present', record: originalRecord() })
  })

  test('that lost a part says that the sign-in was cut off', async () => {
    const { store, values } = await setUp()
    await store.save(originalRecord())
    values.delete('Amplifier ChatGPT/codex.default#1.0')
    expect(await store.load()).toMatchObject({ state: 'corrupt' })
  })

  test('is missing, locked or unreadable, each with its own words', async () => {
    const { store } = await setUp()
    expect(await store.load()).toMatchObject({ state: 'missing', message: expect.stringContaining('Run amplifier-chatgpt login') as string })
    const failing = async (message: string) => createKeychainStore({ lane: 'codex', folder: await testFolder(), keyring: {
      AsyncEntry: class {
        async getPassword(): Promise<string> { throw new Error(message) }
        async setPassword() { throw new Error(message) }
        async deletePassword() { throw new Error(message) }
      },
    } }).load()
    expect(await failing('User canceled the operation')).toMatchObject({ state: 'locked', transient: true })
    expect(await failing('Platform secure storage failure: no D-Bus session')).toMatchObject({ state: 'unreadable', message: expect.stringContaining('use the file store') as string })
  })

  test('is neither saved nor cleared by one whose lock others have taken over', async () => {
    const { store, values } = await setUp()
    await store.save(originalRecord())
    const before = [...values]
    const lost = { held: async () => false }
    await expect(store.save({ ...originalRecord(), access_token: 'newer' }, { lock: lost })).rejects.toMatchObject({ name: 'TokenStoreError', code: 'stale_lock' })
    await expect(store.clear({ lock: lost })).rejects.toMatchObject({ name: 'TokenStoreError', code: 'stale_lock' })
    expect([...values]).toEqual(before)
  })

  test('forgets every part', async () => {
    const { store, values } = await setUp()
    await store.save({ ...originalRecord(), filling: 'x'.repeat(5000) })
    await store.clear()
    await store.clear()
    expect([...values]).toEqual([])
  })
})
