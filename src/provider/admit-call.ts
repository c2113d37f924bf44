import { costOf, drawWeight, type AdmissionVerdict } from '../account/index.js'
import { QuotaExceededError, type AdmissionRecord, type AdmissionWindow, type CandidateVerdict, type Usage } from '../contract/index.js'
import { orAbort } from '../lib/index.js'
import type { CallHead, Draw } from './call.js'
import type { ResolvedRoute } from './deps.js'
import type { ProviderContext } from './provider-context.js'

/** How often a call that waits looks whether it may go. */
const LOOK_EVERY_MS = 15_000
/** A window that is reset later than this is not waited for: other work would stand still for days. */
const LONGEST_WAIT_MS = 6 * 3_600_000

interface CallToAdmit {
  /** absent for a call that names its model itself */
  role?: string
  essential: boolean
  signal: AbortSignal
}

/**
 * Waits while a window has no more than its reserve left, which is essential calls'. The answer says what is to be done with the call
 * then, and what was: undefined where it goes as it is asked, and went at once.
 * @throws QuotaExceededError where the window is reset too late to wait for it; the reason of the signal
 */
async function admitCall({ deps, emitter }: ProviderContext, { role, essential, signal }: CallToAdmit): Promise<AdmissionRecord | undefined> {
  const { admission } = deps
  if (admission === undefined) return undefined
  let waited: AdmissionRecord | undefined
  const startedMs = deps.now()
  for (;;) {
    const verdict = admission.judge({ essential })
    if (verdict.action !== 'wait' || verdict.window === undefined) return recordOf(verdict, waited, deps.now() - startedMs)
    const { window } = verdict
    if (Date.parse(window.resets_at) - deps.now() > LONGEST_WAIT_MS) throw reserved(deps.mountName, window, deps.now())
    if (waited === undefined) await emitter.emit('admission', { provider: deps.mountName, ...(role === undefined ? {} : { role }), action: 'wait', ...window })
    waited = { action: 'wait', ...window }
    await deps.delay(LOOK_EVERY_MS, { signal })
    signal.throwIfAborted()
  }
}

function recordOf({ action, window }: AdmissionVerdict, waited: AdmissionRecord | undefined, waitedMs: number): AdmissionRecord | undefined {
  const record = action === 'step_down' && window !== undefined ? { action, ...window } : waited
  return record && waited ? { ...record, waited_ms: waitedMs } : record
}

/** A route as it is taken in view of the windows: of a lower tier where they would not last and there is one. Waits as {@link admitCall} does. */
export async function admitRoute(context: ProviderContext, asked: ResolvedRoute, terms: { roles: readonly string[]; signal: AbortSignal; usableOf: (route: ResolvedRoute) => readonly CandidateVerdict[] }): Promise<ResolvedRoute> {
  const { deps, emitter } = context
  const { roles, signal, usableOf } = terms
  const record = await admitCall(context, { role: asked.role ?? roles.join(', '), essential: asked.essential === true, signal })
  if (record?.action !== 'step_down') return record === undefined ? asked : { ...asked, admission: record }
  const from = usableOf(asked)[0]
  const below = await orAbort(deps.resolveRoute(roles, { lower: true }), signal)
  // An older model of a lower tier may cost more than a new one of the tier above.
  const lower = { ...below, candidates: below.candidates.filter((candidate) => isCheaper(candidate.resolved_model, from?.resolved_model)) }
  const to = usableOf(lower)[0]
  if (from?.resolved_model === undefined || to?.resolved_model === undefined) return asked
  const admission: AdmissionRecord = { ...record, from_model: from.resolved_model, to_model: to.resolved_model }
  const { waited_ms: _waited, ...told } = admission
  await emitter.emit('admission', { provider: deps.mountName, ...(lower.role === undefined ? {} : { role: lower.role }), ...told })
  return { ...lower, ...(asked.clamp === undefined ? {} : { clamp: asked.clamp }), admission }
}

/** By list price, where both are known; else the ladder's word holds. */
function isCheaper(model: string | undefined, than: string | undefined): boolean {
  const [price, other] = [model, than].map((name) => (name === undefined ? undefined : costOf(name, USUAL_CALL)))
  return price === undefined || other === undefined || Number(price) < Number(other)
}

/** Most of an agent's input is cached. */
const USUAL_CALL = { input_tokens: 20_000, cache_read_tokens: 16_000, output_tokens: 800 }

/** A call that names its model itself has no tier below: it waits or goes. Its metadata may name the role that it is made for. */
async function admitDirect(context: ProviderContext, call: CallHead): Promise<Draw> {
  const role = call.request.metadata?.['role']
  const route = typeof role === 'string' ? await context.deps.resolveRoute([role]).catch(() => undefined) : undefined
  const essential = route?.essential === true
  const record = call.asCheckpoint ? undefined : await admitCall(context, { essential, signal: call.signal, ...(typeof role === 'string' ? { role } : {}) })
  if (record?.action === 'wait') call.route.admission = record
  return { essential, steppedDown: false }
}

/** Told once what a call's tokens were; nothing where it drew nothing. */
export type TellDraw = (usage: Usage | null | undefined) => void

/** Waits until the call may begin, and counts it. */
export async function admitDraw(context: ProviderContext, call: CallHead): Promise<TellDraw | undefined> {
  const draw = call.draw ?? (await admitDirect(context, call))
  const end = context.deps.admission?.begin(draw)
  return end && ((usage) => end(usage ? drawWeight(draw.askedModel ?? call.route.resolved_model, usage) : 0))
}

function reserved(provider: string, { window_minutes: minutes, used_percent: used, reserve_percent: reserve, resets_at: resetsAt }: AdmissionWindow, nowMs: number): QuotaExceededError {
  return new QuotaExceededError(
    `The quota window of ${minutes} minutes is ${used} % used, and the ${reserve} % that essential roles need until ${resetsAt} are kept for them. Wait for its reset, or set admission: off.`,
    { provider, code: 'window_reserved', retry_after: Math.max(0, (Date.parse(resetsAt) - nowMs) / 1000) })
}
