import { isPromiseLike } from '../lib/index.js'
import { createCatalogView, type CatalogMemo } from './catalog-view.js'
import { providerNamed, type MountedProviders } from './find-mount.js'
import { canList, failedListing, readListing, type ModelListing } from './model-listing.js'

/**
 * How long a provider's list counts: `session`: the first success holds, as the reference's resolver does · `call`: each
 * resolution asks once, for providers that keep a list themselves · `pattern`: each pattern asks, as the reference's bare
 * function does. Those who ask at the same time share one answer in any case.
 */
export type ListsKept = 'session' | 'call' | 'pattern'

/** A moment: what was asked for since then need not be asked for again by those who hold it. */
export type Moment = number

/** The one memory of providers' lists: of a resolver, and of the hook that runs it. */
export interface ModelListings {
  /** Lists by mounted key that were fetched or learnt; a built-in one is known only where a session holds on to it. */
  known(): Readonly<Record<string, readonly unknown[]>>
  /** Takes over lists that another session fetched. */
  learn(lists: Readonly<Record<string, unknown>>): void
  /** Now, for one resolution or several of one moment. */
  now(): Moment
  /** Now, where each resolution asks once; undefined where lists are kept otherwise. */
  open(): Moment | undefined
  /** The last question to a provider, or a new one. One that waits is taken note of by those who wait for it. */
  ask(mountedAs: string, providers: MountedProviders, since: Moment | undefined): Question
  /** Takes note of what `running` came to. */
  take(question: Question, list: unknown): ModelListing
  fail(question: Question, error: unknown): ModelListing
}

/**
 * A question to a provider. Those who ask at the same time wait for the provider's own promise: another one for a layer
 * between took a quarter of a checked resolution.
 */
export interface Question {
  readonly mountedAs: string
  readonly provider: unknown
  /** the newest moment that began before it */
  readonly asked: Moment
  /** undefined once it is answered */
  running: PromiseLike<unknown> | undefined
  answer: ModelListing | undefined
}

export function createListings(kept: ListsKept, preresolved: Readonly<Record<string, unknown>> = {}): ModelListings {
  const views: CatalogMemo = new WeakMap()
  const lists = new Map<string, { ids: readonly unknown[]; listing: ModelListing }>()
  const questions = new Map<string, Question>()
  let moment: Moment = 0
  const now = (): Moment => (moment += 1)
  const keep = (mountedAs: string, listing: ModelListing): ModelListing => {
    // An empty list says nothing for long: it is asked for again.
    if (!('view' in listing) || listing.view.ids.length === 0 || (kept === 'call' && listing.view.fallback)) return listing
    const known = lists.get(mountedAs)
    if (known?.ids === listing.view.ids) return known.listing
    lists.set(mountedAs, { ids: listing.view.ids, listing })
    return listing
  }
  const end = (question: Question, listing: ModelListing): ModelListing => {
    question.running = undefined
    return (question.answer = listing)
  }
  const take = (question: Question, list: unknown): ModelListing => {
    const { answer, mountedAs, provider } = question
    return answer ?? end(question, keep(mountedAs, readListing(views, provider as object, mountedAs, list)))
  }
  const fail = (question: Question, error: unknown): ModelListing => question.answer ?? end(question, failedListing(question.mountedAs, error))
  const put = (question: Question): void => {
    const { mountedAs, provider } = question
    try {
      if (!canList(provider)) return void end(question, { failure: `provider ${mountedAs} has no listModels()` })
      const list = provider.listModels()
      if (isPromiseLike(list)) question.running = list
      else take(question, list)
    } catch (error) {
      fail(question, error)
    }
  }
  const learn = (others: Readonly<Record<string, unknown>>): void => {
    for (const [mountedAs, ids] of Object.entries(others)) {
      if (Array.isArray(ids)) lists.set(mountedAs, { ids, listing: { view: createCatalogView(ids) } })
    }
  }
  learn(preresolved)
  return {
    known: () => Object.fromEntries([...lists].map(([mountedAs, { ids }]) => [mountedAs, ids])),
    learn,
    now,
    open: () => (kept === 'call' ? now() : undefined),
    ask(mountedAs, providers, since) {
      const held = kept === 'session' ? lists.get(mountedAs)?.listing : undefined
      if (held !== undefined) return { mountedAs, provider: undefined, asked: moment, running: undefined, answer: held }
      const last = questions.get(mountedAs)
      if (last !== undefined && (last.running !== undefined || (since !== undefined && last.asked >= since))) return last
      const question: Question = { mountedAs, provider: providerNamed(providers, mountedAs), asked: moment, running: undefined, answer: undefined }
      questions.set(mountedAs, question)
      put(question)
      return question
    },
    take,
    fail,
  }
}
