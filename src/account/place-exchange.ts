import type { PlaceContact } from './place-contact.js'
import type { PlaceLedger } from './place-ledger.js'
import type { PlaceNews } from './place-news.js'
import type { PlaceOutcome, PlaceRequest } from './place-state.js'

export interface PlaceExchangeOptions {
  ledger: PlaceLedger
  news: PlaceNews
  contact: PlaceContact
  schedule: (ms: number, run: () => void) => () => void
  buildRequest: () => PlaceRequest
  hear: (outcome: PlaceOutcome, request: PlaceRequest) => void
}

/** Sends news to the ledger, one request at a time; news that comes up meanwhile goes with the next. */
export interface PlaceExchange {
  /** whether a request is under way */
  readonly flying: boolean
  speak(): void
  /** Sends what is left and waits for the answers, half a second at most: what is not told is held until this process is taken for dead. */
  close(): Promise<void>
}

/** The wait after a failed request before the next. */
const AGAIN_MS = 200
const LAST_ANSWER_MS = 500

/** @see PlaceExchange */
export function createPlaceExchange({ ledger, news, contact, schedule, buildRequest, hear }: PlaceExchangeOptions): PlaceExchange {
  let flying = false
  let flight = Promise.resolve()
  let closing = false
  let closed = false
  let again: (() => void) | undefined
  const fail = () => {
    news.forget()
    closed ||= closing
    if (closed) return
    again ??= schedule(AGAIN_MS, () => {
      again = undefined
      speak()
    })
  }
  const hearLater = async (outcome: Promise<PlaceOutcome>, request: PlaceRequest, heard: () => void) => {
    flying = true
    try {
      const answer = await outcome
      heard()
      hear(answer, request)
    } catch {
      fail()
    }
    flying = false
    speak()
  }
  const speak = () => {
    while (!flying && !closed && news.any && !again) {
      try {
        const heard = contact.speak()
        const request = buildRequest()
        const outcome = ledger.step(request)
        if (outcome instanceof Promise) flight = hearLater(outcome, request, heard)
        else {
          heard()
          hear(outcome, request)
        }
      } catch {
        fail()
      }
    }
  }
  return {
    get flying() { return flying },
    speak,
    async close() {
      closing = true
      closed ||= again !== undefined
      again?.()
      let giveUp = () => undefined as void
      const late = new Promise<void>((resolve) => { giveUp = schedule(LAST_ANSWER_MS, resolve) })
      const told = (async () => { while (flying) await flight })()
      await Promise.race([told, late])
      giveUp()
      closed = true
    },
  }
}
