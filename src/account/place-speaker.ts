import { createPause } from './pause.js'
import { createPlaceContact, type PlaceContact } from './place-contact.js'
import { createPlaceExchange, type PlaceExchange } from './place-exchange.js'
import type { PlaceLedger } from './place-ledger.js'
import { createPlaceNews, type PlaceNews } from './place-news.js'
import { createPlaceOverflow, type PlaceOverflow } from './place-overflow.js'
import { createPlacePresence } from './place-presence.js'
import { createPlaceReturns, type PlaceReturns } from './place-returns.js'
import { createPlaceRoll, type Place, type PlaceRoll, type Waiter } from './place-roll.js'
import type { PlaceOutcome, PlaceOwner, PlaceRequest } from './place-state.js'

export interface PlaceSpeakerOptions {
  ledger: PlaceLedger
  schedule: (ms: number, run: () => void) => () => void
  /** for signs of life; its timers must not keep the process running */
  scheduleBeat: (ms: number, run: () => void) => () => void
  owner: PlaceOwner
  most: number
  /** the wall clock, ms */
  now: () => number
}

/** Asks the ledger for places for the calls of this process, and gives them back. */
export interface PlaceSpeaker {
  nextId(): string
  /** A place, if the ledger gives one at once. */
  tryJoin(): Place | undefined
  join(waiter: Waiter): void
  leave(waiter: Waiter): void
  refused(forMs: number): void
  served(): void
  readonly limit: number
  readonly running: number
  readonly waiting: number
  /** @see ConcurrencyLimiter.holds */
  holds(place: Place): boolean
  close(): Promise<void>
}

/** @see PlaceSpeaker */
export function createPlaceSpeaker({ ledger, schedule, scheduleBeat, owner, most, now }: PlaceSpeakerOptions): PlaceSpeaker {
  const news = createPlaceNews(owner, most)
  const contact = createPlaceContact(now, ledger.beat !== undefined)
  const standing = { limit: most, others: 0, paused: false }
  const roll = createPlaceRoll(() => {
    returns.returned()
    settle()
  }, () => contact.term)
  const overflow = createPlaceOverflow(roll, news)
  const settle = () => {
    presence.update()
    if (roll.waiting.size === 0) pause.update(0, 0)
  }
  const tell = (note: () => void) => {
    note()
    exchange.speak()
    settle()
  }
  const pause = createPause(schedule, (untilMs) => tell(() => news.waitedOut(untilMs)))
  const grant = (ids: readonly string[]) => {
    if (ids.length > 0 && contact.lost) return void tell(news.forget)
    roll.grant(ids).forEach(news.heard)
    if (overflow.refill()) exchange.speak()
    presence.update()
  }
  const hear = (outcome: PlaceOutcome, request: PlaceRequest) => {
    Object.assign(standing, { limit: outcome.limit, others: Math.max(0, outcome.running - roll.running - outcome.granted.length), paused: outcome.pauseUntilMs > outcome.nowMs })
    returns.heard(outcome.waiting)
    if (outcome.anew && request.running > 0) contact.forgotten()
    if (outcome.unknown) news.forget()
    grant(outcome.granted)
    pause.update(roll.waiting.size > 0 ? outcome.pauseUntilMs : 0, outcome.nowMs)
  }
  const presence = createPlacePresence({ ledger, owner, contact, scheduleBeat }, {
    isBusy: () => roll.running > 0 || roll.waiting.size > 0, isWaiting: () => roll.waiting.size > 0, forgotten: () => tell(news.forget), granted: grant,
  })
  const exchange = createPlaceExchange({
    ledger, news, contact, schedule, hear,
    buildRequest() {
      returns.told()
      if (news.whole) roll.rename()
      return news.take(roll.running, roll.waiting)
    },
  })
  const returns = createPlaceReturns({ ledger, news, contact, schedule, speak: exchange.speak })
  return {
    ...createJoining({ roll, overflow, news, exchange, contact, returns, standing, settle, tell }),
    nextId: roll.nextId, holds: contact.holds, refused: (forMs) => tell(() => news.refused(forMs)),
    served() {
      if (standing.limit >= most) return
      news.served()
      // In a shared ledger it is told with the return of the place.
      if (ledger.immediate) exchange.speak()
    },
    get limit() { return standing.limit }, get running() { return roll.running }, get waiting() { return roll.waiting.size + overflow.size },
    async close() {
      for (const part of [returns, presence, pause]) part.close()
      for (const part of [exchange, ledger]) await part.close()
    },
  }
}

interface JoiningParts {
  roll: PlaceRoll
  overflow: PlaceOverflow
  news: PlaceNews
  exchange: Pick<PlaceExchange, 'flying'>
  contact: Pick<PlaceContact, 'lost'>
  returns: Pick<PlaceReturns, 'takeBack' | 'ahead'>
  /** the limit, the places of other processes, and whether none is given, at the ledger's last answer */
  standing: { readonly limit: number; readonly others: number; readonly paused: boolean }
  settle: () => void
  tell: (note: () => void) => void
}

function createJoining({ roll, overflow, news, exchange, contact, returns, standing, settle, tell }: JoiningParts): Pick<PlaceSpeaker, 'tryJoin' | 'join' | 'leave'> {
  const join = (...waiters: Waiter[]) => {
    const told = waiters.filter((waiter) => !overflow.keep(waiter))
    if (told.length === 0) return
    tell(() => {
      for (const waiter of told) {
        roll.add(waiter)
        news.joined(waiter)
      }
    })
  }
  const leave = (...waiters: Waiter[]) => {
    const left = waiters.filter(({ id }) => !overflow.remove(id) && roll.remove(id))
    if (left.length === 0) return
    tell(() => {
      for (const { id } of left) news.left(id)
      overflow.refill()
    })
  }
  return {
    tryJoin() {
      if (exchange.flying || roll.waiting.size > 0 || roll.running + standing.others >= standing.limit) return undefined
      if (standing.paused || contact.lost || !returns.takeBack()) {
        const count = 1 + returns.ahead(standing.limit - roll.running - standing.others)
        return tryJoin(Array.from({ length: count }, roll.nextId), { join, leave })
      }
      const release = roll.enter()
      settle()
      return release
    },
    join, leave,
  }
}

/** A place, and those that were asked for ahead are given back: the next calls take them again. */
function tryJoin(ids: readonly string[], { join, leave }: Record<'join' | 'leave', (...waiters: Waiter[]) => void>): Place | undefined {
  const places: Place[] = []
  const waiters = ids.map((id): Waiter => ({ id, key: '', interactive: true, grant: (place) => void places.push(place) }))
  join(...waiters)
  if (places.length < ids.length) leave(...waiters)
  const [own, ...ahead] = places
  for (const release of ahead) release()
  return own
}
