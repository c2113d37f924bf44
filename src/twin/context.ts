/** Everything the parts of one twin share. */
import { createCodeLedger, type CodeLedger } from './auth-codes.js'
import type { AuthFault, RefreshOutcome } from './auth-faults.js'
import { createBehaviour, type TwinBehaviour } from './behaviour.js'
import { createIds, type Ids } from './ids.js'
import { createModelShelf, type ModelShelf } from './models.js'
import { createQuotaBoard, type QuotaBoard } from './rate-limits.js'
import { createReplyQueue, type ReplyQueue } from './reply-queue.js'
import { createAtRestCipher, type AtRestCipher } from './seal.js'
import { createSigningKey, type SigningKey } from './signing-key.js'
import { createTokenLedger, type Grant, type TokenLedger } from './token-ledger.js'
import type { TwinInterception, TwinOptions, TwinRequest } from './types.js'
import { createUsageMeter, type UsageMeter } from './usage-meter.js'

/** Turns that run, by account. */
export interface Activity {
  /** false where the account has its fill */
  enter(accountId: string, limit: number | undefined): boolean
  leave(accountId: string): void
  counts(): { running: number; peak: number }
}

export interface TwinContext {
  readonly options: TwinOptions
  readonly behaviour: TwinBehaviour
  readonly url: string
  readonly accountId: string
  readonly now: () => number
  readonly ids: Ids
  readonly key: SigningKey
  readonly ledger: TokenLedger
  readonly codes: CodeLedger
  readonly models: ModelShelf
  readonly quota: QuotaBoard
  readonly replies: ReplyQueue
  readonly sealer: AtRestCipher
  readonly meter: UsageMeter
  readonly activity: Activity
  /** types of the items that it gave out: what a server sends it takes back */
  readonly givenTypes: Set<string>
  /** API-key lane: responses kept for previous_response_id */
  readonly stored: Map<string, Record<string, unknown>[]>
  readonly planClients: Set<string>
  readonly refreshFaults: AuthFault[]
  readonly refreshes: RefreshOutcome[]
  readonly revocations: { token: string; hint: string | undefined; known: boolean }[]
  readonly interceptions: Map<string, TwinInterception[]>
  readonly requests: TwinRequest[]
  /** aborts when the twin closes */
  readonly signal: AbortSignal
  newGrant(who: Partial<Grant> & Pick<Grant, 'lane' | 'clientId'>): Grant
  record(entry: TwinRequest): TwinRequest
}

const CODEX_SCOPE = 'openid profile email offline_access'
const DEFAULT_TTL_S = 3_600

function createActivity(): Activity {
  const running = new Map<string, number>()
  let total = 0
  let peak = 0
  return {
    enter(accountId, limit) {
      const now = running.get(accountId) ?? 0
      if (limit !== undefined && now >= limit) return false
      running.set(accountId, now + 1)
      total += 1
      peak = Math.max(peak, total)
      return true
    },
    leave(accountId) {
      running.set(accountId, (running.get(accountId) ?? 1) - 1)
      total -= 1
    },
    counts: () => ({ running: total, peak }),
  }
}

export function createContext(options: TwinOptions, url: string, signal: AbortSignal): TwinContext {
  const now = options.now ?? Date.now
  const behaviour = createBehaviour(options)
  const ids = createIds(url)
  const key = createSigningKey()
  const accountId = options.accountId ?? 'acct_twin'
  const planType = options.planType ?? 'plus'
  const requests: TwinRequest[] = []
  return {
    options, behaviour, url, accountId, now, ids, key, requests, signal,
    ledger: createTokenLedger({ issuer: url, now, ids, key, behaviour, ttlSeconds: options.accessTokenTtlSeconds ?? DEFAULT_TTL_S }),
    codes: createCodeLedger(ids, now),
    models: createModelShelf(options.models),
    quota: createQuotaBoard({ planType, now, behaviour }),
    replies: createReplyQueue(),
    sealer: createAtRestCipher(url),
    meter: createUsageMeter(behaviour),
    activity: createActivity(),
    givenTypes: new Set(), stored: new Map(),
    planClients: new Set(),
    refreshFaults: [],
    refreshes: [],
    revocations: [],
    interceptions: new Map(),
    newGrant: (who) => ({
      accountId, planType, email: 'someone@example.com', subject: 'user-twin',
      scope: who.lane === 'plan' ? behaviour.planScope : CODEX_SCOPE, ...who,
    }),
    record(entry) {
      requests.push(entry)
      if (options.keepRequests !== undefined && requests.length > options.keepRequests) requests.shift()
      return entry
    },
  }
}
