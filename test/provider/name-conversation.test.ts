import { describe, expect, test } from 'vitest'
import type { ChatRequest } from '../../src/contract/index.js'
import { createConversationNamer, type Lineage } from '../../src/provider/name-conversation.js'

const ask = (question: string | undefined, instructions?: string, role = 'system'): ChatRequest => ({
  messages: [...(instructions === undefined ? [] : [{ role, content: instructions }]), ...(question === undefined ? [] : [{ role: 'user', content: question }]), { role: 'assistant', content: 'x' }] as ChatRequest['messages'],
})
const named = (id: string) => ({ conversation_id: id, ...ask('q') })
const HASHED = expect.stringMatching(/^conv-[0-9a-f]{16}$/) as string

describe('without a session', () => {
  test('the request\'s own id is the name, as it is where it fits a header, as its hash else', () => {
    const nameOf = createConversationNamer()
    expect([nameOf(named('a.b:c-1')), nameOf(named('x'.repeat(64)))]).toEqual(['a.b:c-1', 'x'.repeat(64)])
    for (const id of ['x'.repeat(65), 'two words', 'umläut', 'a\nb']) expect(nameOf(named(id))).toEqual(HASHED)
    expect(nameOf(named('two words'))).not.toBe(nameOf(named('three words')))
    expect(nameOf({ ...named(''), conversation_id: '' })).toEqual(nameOf(ask('q')))
  })

  test('the first messages up to the first of the user name it, the same after a restart, however long they are', () => {
    for (const words of ['be brief', 'y'.repeat(10_000)]) {
      const nameOf = createConversationNamer()
      const name = nameOf(ask('hello', words))
      expect(name).toEqual(HASHED)
      expect([nameOf(ask('hello', words)), createConversationNamer()(ask('hello', words))]).toEqual([name, name])
      expect(nameOf({ messages: [...ask('hello', words).messages, { role: 'user', content: 'more' }] })).toBe(name)
      expect(nameOf(ask('hallo', words))).not.toBe(name)
    }
  })

  test('a hundred conversations have a hundred names, and each its own again', () => {
    const nameOf = createConversationNamer()
    const names = Array.from({ length: 100 }, (_, index) => nameOf(ask(`question ${index}`)))
    expect(new Set(names).size).toBe(100)
    expect(Array.from({ length: 100 }, (_, index) => nameOf(ask(`question ${index}`)))).toEqual(names)
  })
})

describe('in a session', () => {
  test.each(['system', 'developer'])('its id names the conversation it began with, though a loop rewrites the %s message or the question, one at a time', (role) => {
    const nameOf = createConversationNamer({ id: 'session-1' })
    expect([
      nameOf(ask('q1', 'i1', role)), nameOf(ask('q1', 'i2', role)), nameOf(ask('q2', 'i2', role)), nameOf(ask('q2', 'i3', role)), nameOf(ask('q2')), nameOf(ask('q2', 'i4', role)),
    ]).toEqual(Array.from({ length: 6 }, () => 'session-1'))
    expect(nameOf(ask('q9', 'i9', role))).toEqual(HASHED)
    // What is told apart is not taken over.
    expect(nameOf(ask('q2', 'i9', role))).toBe('session-1')
  })

  test('two requests that both say nothing to the model are not one conversation for that', () => {
    const nameOf = createConversationNamer({ id: 'session-1' })
    expect([nameOf(ask('q1')), nameOf(ask('q2'))]).toEqual(['session-1', HASHED])
    const silent = createConversationNamer({ id: 'session-2' })
    expect([silent(ask(undefined, 'i1')), silent(ask(undefined, 'i2'))]).toEqual(['session-2', HASHED])
  })

  test('blocks are compared by what they say', () => {
    const nameOf = createConversationNamer({ id: 'session-1' })
    const blocks = (text: string): ChatRequest => ({ messages: [{ role: 'user', content: [{ type: 'text', text }] }] })
    expect([nameOf(blocks('a')), nameOf(blocks('a')), nameOf(blocks('b'))]).toEqual(['session-1', 'session-1', HASHED])
  })

  test('a forked child goes on under its parent\'s name, and so does its child; one that began otherwise has its own', () => {
    const lineage: Lineage = new Map()
    const begin = (id: string, parentId: string | undefined, request: ChatRequest) => createConversationNamer({ id, ...(parentId !== undefined && { parentId }) }, lineage)(request)
    expect(begin('parent', undefined, ask('q', 'i'))).toBe('parent')
    expect(begin('child', 'parent', ask('q', 'i'))).toBe('parent')
    expect(begin('grandchild', 'child', ask('q', 'i'))).toBe('parent')
    expect(begin('other question', 'parent', ask('p', 'i'))).toEqual(HASHED)
    expect(begin('other-instructions', 'parent', ask('q', 'j'))).toBe('other-instructions')
    expect(begin('orphan', 'nobody', ask('q', 'i'))).toBe('orphan')
  })

  test('of sessions the newest 512 are remembered', () => {
    const lineage: Lineage = new Map()
    for (let index = 0; index < 600; index++) createConversationNamer({ id: `s${index}` }, lineage)(ask('q'))
    expect([lineage.size, lineage.has('s87'), lineage.has('s88')]).toEqual([512, false, true])
  })
})
