import type { MountPlanEntry } from '../contract/index.js'
import { attachOrigins, mergeMappings, originOf, originsOf } from '../documents/index.js'
import { isOurModule } from './module-entry.js'
import { isOption } from './option-schema.js'
import { omit } from './plan-layer.js'
import { isTrusted } from './standing.js'
import { trustRowOf } from './trust-table.js'

/**
 * A project may add an instance of our module under an id of its own: it then goes where the user's own instance goes. What only
 * the user may set comes from the user's entry of our module where there is exactly one; with none, or several, the defaults hold.
 * Laid under the entry's config, so that what the project says itself is judged as said over the user's word. Neither list nor entries change.
 */
export function inheritUserEntry(entries: readonly MountPlanEntry[]): MountPlanEntry[] {
  const ours = entries.filter(({ module }) => isOurModule(module))
  const users = ours.filter(isUsers)
  const [user] = users
  if (!user?.config || users.length > 1) return [...entries]
  const inherited = omit(user.config, (key) => !isOption(key) || trustRowOf(key).who !== 'user')
  return entries.map((entry) => {
    if (!ours.includes(entry) || isUsers(entry)) return entry
    return attachOrigins({ ...entry, config: mergeMappings(inherited, entry.config ?? {}) }, originsOf(entry))
  })
}

/** Whether the user, the environment or the host program mounts it; a project's file may have added to it. */
function isUsers(entry: MountPlanEntry): boolean {
  const origin = originOf(entry, 'module')
  return isTrusted(origin) || origin?.shadowed?.some(isTrusted) === true
}
