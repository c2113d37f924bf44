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
  hear: (outcome: PlaceOutcome) => void
}

/** Sends news to the ledger, one request at a time; news that comes up meanwhile goes with the next. */
export interface PlaceExchange {
  /** whether a request is under way */
  readonly flying: boolean
  speak(): void
  close(): void
}

/** The wait after a failed request before the next. */
const AGAIN_MS = 200

/** @see PlaceExchange */
export function createPlaceExchange({ ledger, news, contact, schedule, buildRequest, hear }: PlaceExchangeOptions): PlaceExchange {
  let flying = false
  let closed = false
  let again: (() => void) | undefined
  const fail = () => {
    news.forget()
    if (closed) return
    again ??= schedule(AGAIN_MS, () => {
      again = undefined
      speak()
    })
  }
  const hearLater = async (outcome: Promise<PlaceOutcome>, heard: () => void) => {
    flying = true
    try {
      const answer = await outcome
      heard()
      hear(answer)
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
        const outcome = ledger.step(buildRequest())
        if (outcome instanceof Promise) void hearLater(outcome, heard)
        else {
          heard()
          hear(outcome)
        }
      } catch {
        fail()
      }
    }
  }
  return {
    get flying() { return flying },
    speak,
    close() {
      closed = true
      again?.()
    },
  }
}
