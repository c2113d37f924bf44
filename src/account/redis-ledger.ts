import type { RedisConnection } from '../auth/redis-connection.js'
import { isRecord, parseJson } from '../lib/index.js'
import { decodeIds, decodeOwner, decodePlaceOutcome, decodePlaceState } from './decode-places.js'
import { ABSENT_MS, describeFleet, type FleetStatus } from './describe-fleet.js'
import type { PlaceLedger } from './place-ledger.js'
import { PLACE_RULE_LUA } from './place-rule-lua.js'

export interface RedisLedgerOptions {
  connection: RedisConnection
  account: string
  /** in front of every key; default `amplifier-chatgpt` */
  prefix?: string
}

/** What is left of a fleet that went away is forgotten after a day. */
const KEEP_SECONDS = 86_400

/**
 * One round trip a step: the rule runs inside Redis, by the server's clock, so hosts' clocks don't matter. An owner's sign of
 * life is a score, so that a beat touches the state only where somebody has died.
 */
const SCRIPT = `
local rule = (function()${PLACE_RULE_LUA}end)()
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local name = ARGV[2]
local latest = tonumber(redis.call('ZREVRANGE', KEYS[2], 0, 0, 'WITHSCORES')[2] or now)
local silent = now - latest
-- The clock was set back: who was heard of last has a lease from now on, the others as much less as they were heard of before.
if silent < 0 then for _, heard in ipairs(redis.call('ZRANGE', KEYS[2], 0, -1)) do redis.call('ZINCRBY', KEYS[2], silent, heard) end end
local dead = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now - rule.LEASE_MS)
local quiet = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now - rule.SILENT_MS)
local known = redis.call('ZSCORE', KEYS[2], name)
local function tell(grants)
  for _, grant in ipairs(grants) do
    if grant.owner ~= name or ARGV[1] == 'beat' then
      local ids = cjson.decode(redis.call('HGET', KEYS[3], grant.owner) or '[]')
      ids[#ids + 1] = grant.id
      local text = cjson.encode(ids)
      redis.call('HSET', KEYS[3], grant.owner, text)
      redis.call('PUBLISH', ARGV[3] .. grant.owner, text)
    end
  end
end
local function load()
  local text = redis.call('GET', KEYS[1])
  local read, state = pcall(cjson.decode, text or '')
  local empty = rule.createPlaceState()
  for key, value in pairs(empty) do read = read and type(state) == 'table' and type(state[key]) == type(value) end
  -- What somebody else has put there is no state.
  if not read then text, state = false, empty end
  if ARGV[4] ~= 'first' then return state end
  -- Several that begin at the same time may each be told that the script is not known.
  local info = redis.pcall('INFO', 'server')
  local run = type(info) == 'string' and info:match('run_id:(%w+)') or now
  if text and state.server ~= run then
    redis.call('DEL', KEYS[2], KEYS[3])
    rule.beginAnew(state, now)
    known, dead, quiet, silent = false, {}, {}, 0
  end
  state.server = run
  return state
end
local function save(state)
  redis.call('SET', KEYS[1], cjson.encode(state), 'EX', ${KEEP_SECONDS})
  for _, gone in ipairs(dead) do
    redis.call('ZREM', KEYS[2], gone)
    redis.call('HDEL', KEYS[3], gone)
  end
end
if ARGV[1] == 'beat' then
  if #dead > 0 or silent > rule.RECOVERY_MS or ARGV[4] == 'first' then
    local state = load()
    if rule.noteSilence(state, name, silent, now) then known = false end
    local grants = rule.dropOwners(state, dead, now, quiet)
    save(state)
    for _, gone in ipairs(dead) do if gone == name then known = false end end
    tell(grants)
  end
  if known then redis.call('ZADD', KEYS[2], now, name) end
  return cjson.encode({ known = known and true or false, granted = cjson.decode(redis.call('HGET', KEYS[3], name) or '[]') })
end
local request = cjson.decode(ARGV[5])
local state = load()
-- The server has dropped the words of all, to free memory: who is counted has a lease from now on, or would be counted for ever.
if redis.call('ZCARD', KEYS[2]) < #state.owners then for _, owner in ipairs(state.owners) do redis.call('ZADD', KEYS[2], 'NX', now, owner.name) end end
rule.noteSilence(state, name, silent, now)
local outcome = rule.stepPlaces(state, request, now, dead, quiet)
save(state)
if not outcome.unknown then
  redis.call('ZADD', KEYS[2], now, name)
  redis.call('EXPIRE', KEYS[2], ${KEEP_SECONDS})
end
if request.whole or #request.left > 0 then redis.call('HDEL', KEYS[3], name) end
tell(outcome.grants)
-- A hash without fields is no key, and keys that are not there stop every script while their slot moves.
redis.call('HSET', KEYS[3], '', '[]')
redis.call('EXPIRE', KEYS[3], ${KEEP_SECONDS})
return cjson.encode(outcome)`

/** By the server's clock too; words that lie far ahead are from before it was set back. */
const ATTEND_SCRIPT = `
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ${ABSENT_MS})
redis.call('ZREMRANGEBYSCORE', KEYS[1], now + ${ABSENT_MS}, '+inf')
if ARGV[1] == 'here' then
  redis.call('ZADD', KEYS[1], now, ARGV[2])
  redis.call('EXPIRE', KEYS[1], ${KEEP_SECONDS})
else redis.call('ZREM', KEYS[1], ARGV[2]) end
return now`

/** Counts over all processes that reach the same Redis. */
export function createRedisLedger({ connection, account, prefix = 'amplifier-chatgpt' }: RedisLedgerOptions): PlaceLedger {
  // The braces keep an account's keys on one node of a cluster, which a script needs.
  const base = `${prefix}:{${account}}:places`
  const keys = [base, `${base}:seen`, `${base}:grants`]
  const channel = `${base}:granted:`
  // A server that runs the script for the first time has been started anew, or has taken over from another that went away.
  const run = (verb: string, name: string, ...rest: string[]) =>
    connection.script(SCRIPT, keys, [verb, name, channel, '', ...rest], [verb, name, channel, 'first', ...rest])
  let subscribed: { owner: string; told: Set<(ids: readonly string[]) => void> } | undefined
  return {
    scope: 'account',
    immediate: false,
    async step(request) {
      const outcome = decodePlaceOutcome(await run('step', request.name, JSON.stringify(request)))
      if (!outcome) throw new Error(`${connection.place} answered something else than places`)
      return outcome
    },
    async beat({ name }) {
      const text = await run('beat', name)
      const reply = typeof text === 'string' ? parseJson(text) : undefined
      if (!isRecord(reply)) throw new Error(`${connection.place} answered something else than places`)
      return { known: reply['known'] === true, granted: decodeIds(reply['granted']) }
    },
    async attend({ name, machine, pid, version }, here) {
      await connection.script(ATTEND_SCRIPT, [`${base}:present`], [here ? 'here' : 'gone', JSON.stringify({ name, machine, pid, version })])
    },
    inspect: () => inspect(connection, base),
    watch({ name }, granted) {
      // One subscription for as long as the ledger lives: each costs a round trip.
      if (!subscribed) {
        const told = new Set<(ids: readonly string[]) => void>()
        subscribed = { owner: name, told }
        connection.subscribe(`${channel}${name}`, (text) => {
          const ids = decodeIds(parseJson(text))
          for (const tell of [...told]) tell(ids)
        })
      }
      const { told } = subscribed
      told.add(granted)
      return () => void told.delete(granted)
    },
    close: () => connection.close(),
  }
}

async function inspect(connection: RedisConnection, key: string): Promise<FleetStatus> {
  const ask = (verb: string, name: string, ...words: string[]) => connection.command(verb, name, ...words).catch((cause: unknown) => {
    throw cause instanceof Error && cause.message.startsWith('WRONGTYPE') ? new Error(`${name} at ${connection.place} is not ours: ${cause.message}`, { cause }) : cause
  })
  const text = await ask('GET', key)
  const seen = await ask('ZRANGE', `${key}:seen`, '0', '-1', 'WITHSCORES')
  const present = await ask('ZRANGE', `${key}:present`, '0', '-1', 'WITHSCORES')
  const askedMs = Date.now()
  const time = await connection.command('TIME')
  const answeredMs = Date.now()
  const [seconds, micros]: unknown[] = Array.isArray(time) ? time : []
  const serverMs = Number(seconds) * 1000 + Math.floor(Number(micros) / 1000)
  return {
    ...describeFleet(decodePlaceState(text), serverMs, {
      scope: 'account', seen: decodeScores(seen),
      present: [...decodeScores(present)].flatMap(([said, atMs]) => {
        const owner = decodeOwner(said)
        return owner ? [{ ...owner, atMs }] : []
      }),
    }),
    server: { place: connection.place, latency_ms: answeredMs - askedMs, clock_offset_ms: Math.round((askedMs + answeredMs) / 2 - serverMs) },
  }
}

/** Members and scores by turns. */
function decodeScores(reply: unknown): Map<string, number> {
  const words: unknown[] = Array.isArray(reply) ? reply : []
  return new Map(Array.from({ length: Math.floor(words.length / 2) }, (_, at) => [String(words[2 * at]), Number(words[2 * at + 1])]))
}
