import type { PageOptions, PageState } from '../page/index.js'
import type { Session } from './open-session.js'

/** Which roles are served changes with the account's models and quota, not with every call. */
const ROLES_FOR_MS = 5000

/** What the page shows of a session beside its calls, and what programs scrape of it. */
export function createPageDescriber({ provider, resolver }: Pick<Session, 'provider' | 'resolver'>): Pick<PageOptions, 'describe' | 'measure'> {
  let roles: { atMs: number; value: Promise<PageState['roles']> } | undefined
  const checkRoles = async (): Promise<PageState['roles']> => {
    const checked = await resolver?.check().catch(() => undefined)
    return (checked?.roles ?? []).map(({ role, status, resolved, candidates }) => ({
      role, status, model: resolved?.resolved_model ?? '',
      candidates: candidates.map(({ model, resolved_model: found, status: state, exhausted_until: until, detail }) => ({
        model: found ?? model, status: state, detail: detail ?? (until === undefined ? '' : `until ${until}`),
      })),
    }))
  }
  const describe: PageOptions['describe'] = async () => {
    if (!roles || performance.now() - roles.atMs > ROLES_FOR_MS) roles = { atMs: performance.now(), value: checkRoles() }
    const [signedIn, shown] = await Promise.all([provider.signedIn().catch(() => undefined), roles.value])
    const { kind, reason } = provider.transportChoice()
    return { signed_in: signedIn?.account !== undefined, lane: signedIn?.lane ?? 'unknown', transport: { kind, reason }, roles: shown, ...provider.accountView() }
  }
  return { describe, measure: () => provider.accountView({ samples: false }) }
}
