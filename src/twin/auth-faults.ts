import { delay } from '../lib/index.js'
import { waitForAbort } from './wait.js'

/** What one exchange of a refresh token meets. `before` and `after` are seen from the moment the rotation is committed. */
export interface AuthFault {
  /** refused with this code; the token is not spent */
  error?: string
  /** default: the code's own, else 400 */
  status?: number
  /** instead of the error's body */
  body?: unknown
  headers?: Record<string, string>
  delayBeforeMs?: number
  delayAfterMs?: number
  /** no answer, until the client goes */
  hang?: 'before' | 'after'
  /** the connection is reset instead of an answer */
  reset?: 'before' | 'after'
  /** left out of the answer; the client keeps its old value */
  omit?: ('id_token' | 'access_token' | 'refresh_token')[]
}

export interface RefreshOutcome {
  /** `ok`, the refusal's code, or `http_` and a scripted status */
  outcome: string
  /** ms since 1970, by the twin's clock */
  at: number
  /** the old token is spent and a new one exists, whether or not the client ever learned it */
  committed: boolean
}

export type FaultStep = 'go_on' | 'reset' | 'gone'

/** Waits as the fault says; `gone` where the client left first. */
export async function passFault(fault: AuthFault | undefined, side: 'before' | 'after', signal: AbortSignal): Promise<FaultStep> {
  const waitMs = side === 'before' ? fault?.delayBeforeMs : fault?.delayAfterMs
  try {
    if (waitMs !== undefined) await delay(waitMs, { signal })
  } catch {
    return 'gone'
  }
  if (fault?.hang === side) {
    await waitForAbort(signal)
    return 'gone'
  }
  return fault?.reset === side ? 'reset' : 'go_on'
}
