import type { ChatRequest } from '../contract/index.js'
import type { BuildInput } from './request-types.js'
import { matchesSnapshot, takeSnapshot, type Snapshot } from './snapshot.js'
import type { ToolDefinitions } from './tool-definitions.js'

/** Whether the fields of these would come out as those that were built before. */
export type FieldsMatcher = (input: BuildInput, instructions: string, tools: ToolDefinitions) => boolean

/** What a request's fields do not come from: the messages by way of the instructions, the tools by way of their definitions. */
const ELSEWHERE = new Set(['messages', 'tools'])

/**
 * Remembers what fields were made of. To compare that takes a tenth of making them again, which was a
 * quarter of all that a call did before its request left.
 */
export function createFieldsMatcher(input: BuildInput, instructions: string, tools: ToolDefinitions): FieldsMatcher {
  const { lane, cacheKey, compactThreshold } = input
  const model = { ...input.model }
  const settings = { ...input.settings }
  const request = takeRequest(input.request)
  return (next, nextInstructions, nextTools) =>
    next.lane === lane &&
    next.cacheKey === cacheKey &&
    next.compactThreshold === compactThreshold &&
    nextInstructions === instructions &&
    nextTools === tools &&
    isSameModel(next.model, model) &&
    next.settings.reasoningSummary === settings.reasoningSummary &&
    next.settings.textVerbosity === settings.textVerbosity &&
    next.settings.extraRequestParams === settings.extraRequestParams &&
    matchesRequest(next.request, request)
}

function isSameModel(one: BuildInput['model'], other: BuildInput['model']): boolean {
  return (
    one.slug === other.slug &&
    one.effort === other.effort &&
    one.serviceTier === other.serviceTier &&
    one.reasons === other.reasons &&
    one.supportsVerbosity === other.supportsVerbosity &&
    one.supportsReasoningSummary === other.supportsReasoningSummary
  )
}

function takeRequest(request: ChatRequest): Map<string, Snapshot> {
  const names = Object.keys(request).filter((name) => !ELSEWHERE.has(name))
  return new Map(names.map((name) => [name, takeSnapshot(request[name as keyof ChatRequest])]))
}

function matchesRequest(request: ChatRequest, remembered: ReadonlyMap<string, Snapshot>): boolean {
  let known = 0
  for (const name in request) {
    if (ELSEWHERE.has(name)) continue
    if (!remembered.has(name) || !matchesSnapshot(request[name as keyof ChatRequest], remembered.get(name))) return false
    known += 1
  }
  return known === remembered.size
}
