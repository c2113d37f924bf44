import { DEFAULT_CONTEXT_WINDOW, findModel, LATEST, latestModel, nearestModels } from '../account/index.js'
import type { CatalogSnapshot } from '../account/index.js'
import { KNOWN_ROLES, modelFamily, NotFoundError, parseModelName, type ChatRequest, type ModelName } from '../contract/index.js'
import type { RequestModel } from '../responses/index.js'
import type { ProviderSettings } from './deps.js'

/** What goes on the wire for a requested model, and what is known of it. */
export interface ModelChoice extends RequestModel {
  /** as the caller or the mount config named it */
  requested: string
  /** see {@link modelFamily} */
  family: string
  /** tokens */
  contextWindow: number
}

export type ModelChooser = (request: ChatRequest, snapshot: CatalogSnapshot, settings: ProviderSettings) => ModelChoice

/** Chooses once for as long as the model list and the settings are the same; see {@link chooseModel}. */
export function createModelChooser(provider: string): ModelChooser {
  const choices = new Map<string, { models: CatalogSnapshot['models']; settings: ProviderSettings; choice: ModelChoice }>()
  const latest: LatestMemory = {}
  return (request, snapshot, settings) => {
    const key = `${request.model ?? ''} ${request.reasoning_effort ?? ''}`
    const known = choices.get(key)
    if (known?.models === snapshot.models && known.settings === settings) return known.choice
    const choice = chooseModel(request, snapshot, settings, provider, latest)
    if (choices.size >= REMEMBERED) choices.clear()
    choices.set(key, { models: snapshot.models, settings, choice })
    return choice
  }
}

/** What `latest` was found to stand for: a conversation stays with its model though the list goes on. */
export interface LatestMemory {
  slug?: string
}

/** Models and efforts that are asked for. */
const REMEMBERED = 64

/**
 * Effort comes from the first of: the name's suffix, the request, the mount config, the environment,
 * the model's own default. A model that a live catalog doesn't have is refused here, unsent.
 * @throws NotFoundError, code `model_not_available`
 */
export function chooseModel(
  request: ChatRequest,
  snapshot: CatalogSnapshot,
  settings: ProviderSettings,
  provider: string,
  latest: LatestMemory = {},
): ModelChoice {
  const requested = request.model ?? settings.defaultModel
  const whole = findModel(snapshot, requested)
  const parsed: ModelName = whole && whole.speed === undefined ? { slug: requested } : resolveLatest(parseModelName(requested), snapshot, latest)
  const known = whole ?? findModel(snapshot, parsed.slug)
  if (!known && snapshot.source === 'live') throw unknownModel(requested, parsed.slug, snapshot, provider)
  const reasons = known ? known.efforts.length > 0 || known.defaultEffort !== undefined : true
  const asked = parsed.effort ?? request.reasoning_effort
  const configured = settings.reasoningEffort ?? settings.environmentEffort
  // As a setting, none means that nothing is said of reasoning; a caller's none goes to the model.
  const silent = asked == null && configured === 'none'
  const effort = silent ? undefined : asked ?? configured ?? known?.defaultEffort
  const serviceTier = parsed.serviceTier ?? settings.serviceTier
  return {
    requested,
    slug: parsed.slug,
    family: modelFamily(parsed.slug),
    contextWindow: known?.contextWindow ?? DEFAULT_CONTEXT_WINDOW,
    ...(reasons && effort && { effort }),
    ...(serviceTier !== undefined && { serviceTier }),
    reasons,
    supportsVerbosity: known?.supportsVerbosity ?? true,
    supportsReasoningSummary: !silent && (known?.supportsReasoningSummary ?? true),
    acceptsImages: known?.inputModalities.includes('image') ?? true,
  }
}

function resolveLatest(parsed: ModelName, snapshot: CatalogSnapshot, latest: LatestMemory): ModelName {
  if (parsed.slug !== LATEST) return parsed
  const kept = latest.slug === undefined ? undefined : findModel(snapshot, latest.slug)
  const found = kept ?? latestModel(snapshot)
  if (found === undefined) {
    throw snapshot.failure ?? new NotFoundError('The account lists no model, so there is no latest one. Name one as default_model.', { model: LATEST, code: 'model_not_available' })
  }
  // A built-in name stands in until a list could be had.
  if (snapshot.source !== 'fallback') latest.slug = found.slug
  return { ...parsed, slug: found.slug }
}

/** Of `gpt-5.5:hgih`, where the account has `gpt-5.5`. */
function describeWrongEffort(requested: string, snapshot: CatalogSnapshot): string | undefined {
  const colon = requested.lastIndexOf(':')
  const model = colon > 0 ? findModel(snapshot, parseModelName(requested.slice(0, colon)).slug) : undefined
  if (!model) return undefined
  return `${requested.slice(0, colon)} takes no effort ${JSON.stringify(requested.slice(colon + 1))}.${model.efforts.length > 0 ? ` It takes ${model.efforts.join(', ')}.` : ''}`
}

/** Models that a refusal names: a list of 50,000 made it 539 KB long. */
const NAMED = 20

function unknownModel(requested: string, slug: string, snapshot: CatalogSnapshot, provider: string): NotFoundError {
  const effort = describeWrongEffort(requested, snapshot)
  if (effort !== undefined) return new NotFoundError(effort, { provider, model: requested, code: 'model_not_available' })
  const ids = snapshot.models.map((model) => model.id)
  const [nearest] = nearestModels(snapshot, slug)
  const role = (KNOWN_ROLES as readonly string[]).includes(requested) ? ` ${requested} is a role: delegate() takes it, and where a model's name is asked for, role:${requested}.` : ''
  return new NotFoundError(
    `The account has no model ${requested}.${role}${nearest ? ` The nearest it has is ${nearest}.` : ''}` +
      ` It has: ${ids.slice(0, NAMED).join(', ')}${ids.length > NAMED ? ` and ${ids.length - NAMED} more` : ''}. Name one of these as model or default_model.`,
    { provider, model: requested, code: 'model_not_available' },
  )
}
