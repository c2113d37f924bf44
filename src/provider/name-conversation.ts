import type { ChatRequest } from '../contract/index.js'
import { keepNewest, shortHash } from '../lib/index.js'

/** A session of the host, whose id names its conversation. */
export interface NamedSession {
  id: string
  parentId?: string
}

/** How conversations of this process began, by session: a child that was forked off goes on under its parent's name. */
export type Lineage = Map<string, Opening & { name: string }>

interface Opening {
  /** the first message of the host's side */
  instructions: string | undefined
  /** the first message of the user */
  question: string | undefined
}

/** What fits a header and the backend's limit for a prompt cache key; any other id goes out as its hash. */
const PLAIN_KEY = /^[\w.:-]{1,64}$/
/** Conversations whose name is remembered. */
const REMEMBERED = 32
const REMEMBERED_SESSIONS = 512
/** A hash takes 15 µs in a program that has just begun; longer openings are rather hashed than kept. */
const REMEMBERED_OPENING_CHARS = 4096

/**
 * Names a request's conversation, which is its prompt cache key. The request's own id wins. In a session the session's
 * id names the conversation that it began with, told by its instructions or its first question, since loops rewrite
 * either; a child that began as its parent did has the parent's name, and with it the parent's cache. What else runs in
 * the session, as a call that finds a title, and everything without a session is named from its first messages up to
 * the first user message, which gives the same name after a restart.
 */
export function createConversationNamer(session?: NamedSession, lineage: Lineage = new Map()): (request: ChatRequest) => string {
  const nameOpening = createOpeningNamer()
  const readOpening = createOpeningReader()
  let own: (Opening & { name: string }) | undefined
  const begin = ({ id, parentId }: NamedSession, opening: Opening): string => {
    const parent = parentId === undefined ? undefined : lineage.get(parentId)
    const forked = parent !== undefined && parent.instructions === opening.instructions && parent.question === opening.question
    own = { ...opening, name: forked ? parent.name : toKey(id) }
    keepNewest(lineage, id, own, REMEMBERED_SESSIONS)
    return own.name
  }
  return (request) => {
    const { conversation_id: id } = request
    if (id) return toKey(id)
    if (!session) return nameOpening(request)
    const opening = readOpening(request)
    if (!own) return begin(session, opening)
    const same = (opening.instructions !== undefined && opening.instructions === own.instructions) || (opening.question !== undefined && opening.question === own.question)
    if (!same) return nameOpening(request)
    Object.assign(own, opening)
    return own.name
  }
}

function toKey(id: string): string {
  return PLAIN_KEY.test(id) ? id : `conv-${shortHash(id)}`
}

/** As hashes, since they are kept for as long as the session lives; a text that stays is hashed once. */
function createOpeningReader(): (request: ChatRequest) => Opening {
  const known = new Map<'instructions' | 'question', { text: string; hash: string }>()
  const hash = (part: 'instructions' | 'question', content: unknown): string | undefined => {
    if (content === undefined) return undefined
    const text = typeof content === 'string' ? content : JSON.stringify(content)
    const last = known.get(part)
    if (last?.text === text) return last.hash
    const made = { text, hash: shortHash(text) }
    known.set(part, made)
    return made.hash
  }
  return ({ messages }) => ({
    instructions: hash('instructions', messages.find(({ role }) => role === 'system' || role === 'developer')?.content),
    question: hash('question', messages.find(({ role }) => role === 'user')?.content),
  })
}

function createOpeningNamer(): (request: ChatRequest) => string {
  const names = new Map<string, string>()
  return (request) => {
    const first = request.messages.findIndex((message) => message.role === 'user')
    const opening = JSON.stringify(request.messages.slice(0, first + 1).map((message) => message.content))
    const known = names.get(opening)
    if (known !== undefined) return known
    const name = `conv-${shortHash(opening)}`
    if (opening.length <= REMEMBERED_OPENING_CHARS) {
      if (names.size >= REMEMBERED) names.clear()
      names.set(opening, name)
    }
    return name
  }
}
