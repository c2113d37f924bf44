import { delay, isLoopback, within } from '../lib/index.js'
import { destroyRedisClient, openRedisClient, type RedisClient, type RedisClientOptions } from './redis-client.js'

/** The server that the address names, and the other nodes of its cluster as far as its redirections have named them. */
export interface RedisNodes {
  /** Asks the node that has the words' key, wherever it has moved to. Rejects with what that says, or as `away` makes it. */
  send(words: readonly string[]): Promise<unknown>
  close(): Promise<void>
}

/** Two seconds of a slot whose keys are on the move, or as many round trips. */
const MOST_HOPS = 100
/** While a slot moves, a script's keys may be on both nodes: the server asks to try again, or stops it at the key that has gone. */
const AGAIN_MS = 20

type Redirect = { kind: 'MOVED' | 'ASK'; address: string } | { kind: 'TRYAGAIN' }

/**
 * @param options.answerMs how long a node may take to answer, beside the time that its connection takes
 * @param away what is thrown while no node can be reached
 */
export function createRedisNodes(options: RedisClientOptions & { answerMs: number }, away: (cause?: unknown) => Error): RedisNodes {
  const { answerMs } = options
  const opening = new Map<string, Promise<RedisClient>>()
  /** Which node has a key: told by redirections, since a process asks for few keys. What is not there, the first node knows. */
  const routes = new Map<string, string>()
  const first = addressOf(options.url)
  let closed = false
  /** Why a node is away, as its connection told last. */
  let failure: unknown

  const open = async (address: string): Promise<RedisClient> => {
    if (closed) throw away()
    let client = opening.get(address)
    if (!client) {
      client = openRedisClient({ ...options, url: withAddress(options.url, address), failed: (error) => void (failure = error) })
      opening.set(address, client)
      client.catch(() => opening.delete(address))
    }
    return client
  }
  /** The node asked last for this key; where it is away, any that answers knows who has taken over. */
  const choose = async (tag: string): Promise<RedisClient> => {
    const address = routes.get(tag) ?? first
    const client = await open(address)
    if (client.isReady) return client
    routes.delete(tag)
    for (const other of [...opening.keys()].filter((each) => each !== address)) {
      const instead = await open(other)
      if (instead.isReady) return instead
    }
    throw away(failure)
  }
  return {
    async send(words) {
      const tag = tagOf(words)
      let asked: string | undefined
      for (let hop = 0; ; hop++) {
        const client = asked === undefined ? await choose(tag) : await open(asked)
        if (!client.isReady) throw away(failure)
        if (asked !== undefined) void client.sendCommand(['ASKING']).catch(() => undefined)
        try {
          return await within(answerMs, client.sendCommand([...words]), away)
        } catch (error) {
          const redirect = readRedirect(error, first)
          if (!redirect || hop === MOST_HOPS) throw error
          if (redirect.kind === 'TRYAGAIN') await delay(AGAIN_MS)
          else refuseOpenNetwork(options.url, redirect.address, away)
          asked = redirect.kind === 'ASK' ? redirect.address : undefined
          if (redirect.kind === 'MOVED') routes.set(tag, redirect.address)
        }
      }
    },
    async close() {
      closed = true
      const clients = await Promise.all([...opening.values()].map((client) => client.catch(() => undefined)))
      opening.clear()
      clients.forEach(destroyRedisClient)
    },
  }
}

/** What decides which node has the words' key: what stands in its braces, else the key. Words without a key go to the first node. */
function tagOf([verb = '', ...rest]: readonly string[]): string {
  const key = verb.startsWith('EVAL') ? rest[2] : verb === 'SCAN' ? rest[2] : rest[0]
  return /\{([^}]+)\}/.exec(key ?? '')?.[1] ?? key ?? ''
}

function readRedirect(error: unknown, first: string): Redirect | undefined {
  if (!(error instanceof Error)) return undefined
  if (/^TRYAGAIN|^ERR Script attempted to access a non local key/.test(error.message)) return { kind: 'TRYAGAIN' }
  const [, kind, host, port] = /^(MOVED|ASK) \d+ (\S*):(\d+)$/.exec(error.message) ?? []
  if (kind !== 'MOVED' && kind !== 'ASK') return undefined
  // A node that knows no name for another means the host at which it was asked.
  return { kind, address: host === '' ? `${first.slice(0, first.lastIndexOf(':'))}:${port}` : `${host?.includes(':') ? `[${host}]` : host}:${port}` }
}

/** Plain text that was allowed because it stays on this machine stays there. */
function refuseOpenNetwork(url: string, address: string, away: (cause?: unknown) => Error): void {
  if (/^\s*rediss:/i.test(url) || !isLoopback(url.trim()) || isLoopback(`redis://${address}`)) return
  throw away(new Error(`the server sends this process to ${address}, in plain text over the network`))
}

function addressOf(url: string): string {
  if (!URL.canParse(url)) return ''
  const { hostname, port } = new URL(url)
  return `${hostname}:${port || '6379'}`
}

function withAddress(url: string, address: string): string {
  if (address === addressOf(url)) return url
  const target = new URL(url)
  target.host = address
  return target.href
}
