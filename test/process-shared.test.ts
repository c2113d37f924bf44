import { describe, expect, test } from 'vitest'
import { createProcessShared, processShared } from '../src/process-shared.js'

interface Part {
  number: number
}

/** Makes numbered parts, and keeps which of them were ended. */
function workshop() {
  const made: Part[] = []
  const ended: number[] = []
  return {
    made,
    ended,
    create: (): Part => {
      const part = { number: made.length }
      made.push(part)
      return part
    },
    end: async (part: Part): Promise<void> => {
      await Promise.resolve()
      ended.push(part.number)
    },
  }
}

describe('what the mounts of a process share', () => {
  test('is made for the first user, handed to every other, and ended by the last', async () => {
    const shared = createProcessShared()
    const { made, ended, create, end } = workshop()
    const users = [1, 2, 3].map(() => shared.share('quota:a', create, end))
    expect(new Set(users.map(({ value }) => value)).size).toBe(1)
    expect(made).toHaveLength(1)
    await users[1]?.release()
    await users[0]?.release()
    expect(ended).toEqual([])
    await users[2]?.release()
    expect(ended).toEqual([0])
  })

  test('is apart by key, and by registry', () => {
    const { create } = workshop()
    const [one, other] = [createProcessShared(), createProcessShared()]
    const values = [one.share('a', create), one.share('b', create), other.share('a', create)].map(({ value }) => value)
    expect(new Set(values).size).toBe(3)
  })

  test('counts a user once, however often it lets go', async () => {
    const shared = createProcessShared()
    const { ended, create, end } = workshop()
    const [first, second] = [shared.share('a', create, end), shared.share('a', create, end)]
    await Promise.all([first.release(), first.release(), first.release()])
    expect(ended).toEqual([])
    await second.release()
    await first.release()
    expect(ended).toEqual([0])
  })

  test('is made anew after its end, also while the old one is still ending', async () => {
    const shared = createProcessShared()
    const { ended, create } = workshop()
    let finish = () => {}
    const slowly = (part: Part) => new Promise<void>((resolve) => {
      finish = () => {
        ended.push(part.number)
        resolve()
      }
    })
    const first = shared.share('a', create, slowly)
    const ending = first.release()
    const second = shared.share('a', create, slowly)
    expect(second.value).not.toBe(first.value)
    finish()
    await ending
    expect(ended).toEqual([0])
    // The end of the old one has taken nothing from the new one.
    expect(shared.share('a', create).value).toBe(second.value)
  })

  test('that cannot be made is not remembered', () => {
    const shared = createProcessShared()
    expect(() => shared.share('a', () => { throw new Error('no room') })).toThrow('no room')
    expect(shared.share('a', () => 'made').value).toBe('made')
  })

  test('tells who lets go last that its end failed, and forgets it all the same', async () => {
    const shared = createProcessShared()
    const { create } = workshop()
    const first = shared.share('a', create, () => Promise.reject(new Error('the disk is full')))
    await expect(first.release()).rejects.toThrow('the disk is full')
    expect(shared.share('a', create).value).not.toBe(first.value)
  })

  test('is kept to the end of the process, apart from what has users, where it is asked for so', async () => {
    const shared = createProcessShared()
    const { create } = workshop()
    const kept = shared.keep('a', create)
    await shared.share('a', create).release()
    expect(shared.keep('a', create)).toBe(kept)
  })

  test('has one place in a process', async () => {
    const { create } = workshop()
    const user = processShared.share('test:only', create)
    expect(processShared.share('test:only', create)).toMatchObject({ value: user.value })
    await user.release()
  })
})
