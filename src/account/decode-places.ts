import { decodeNumber, isRecord, parseJson, readString } from '../lib/index.js'
import { createPlaceState, type PlaceGrant, type PlaceOutcome, type PlaceOwner, type PlaceState } from './place-state.js'

const COUNT = { least: -1e15, most: 1e15 }

function listOf(value: unknown): unknown[] {
  // Lua writes an empty list as {}.
  return Array.isArray(value) ? (value as unknown[]) : []
}

function records(value: unknown): Record<string, unknown>[] {
  return listOf(value).filter(isRecord)
}

function numberOf(record: Record<string, unknown>, key: string): number {
  return decodeNumber(record[key], COUNT) ?? 0
}

function textOf(record: Record<string, unknown>, key: string): string {
  return readString(record, key) ?? ''
}

export function decodeIds(value: unknown): string[] {
  return listOf(value).filter((id) => typeof id === 'string')
}

/** The state as it is kept; what makes no sense is left out, and text that is no state is the empty one. */
export function decodePlaceState(text: unknown): PlaceState {
  const value = typeof text === 'string' ? parseJson(text) : undefined
  if (!isRecord(value)) return createPlaceState()
  const ring = (lines: unknown) => records(lines).map((line) => ({
    key: textOf(line, 'key'),
    waiters: records(line['waiters']).map((waiter) => ({ id: textOf(waiter, 'id'), owner: textOf(waiter, 'owner'), sinceMs: numberOf(waiter, 'sinceMs') })),
  })).filter(({ waiters }) => waiters.length > 0)
  return {
    cutTo: numberOf(value, 'cutTo'), cutAtMs: numberOf(value, 'cutAtMs'), streak: numberOf(value, 'streak'),
    pauseUntilMs: numberOf(value, 'pauseUntilMs'), inARow: numberOf(value, 'inARow'), countedSinceMs: numberOf(value, 'countedSinceMs'),
    owners: records(value['owners']).map((owner) => ({
      name: textOf(owner, 'name'), machine: textOf(owner, 'machine'), pid: numberOf(owner, 'pid'), version: textOf(owner, 'version'),
      seq: numberOf(owner, 'seq'), most: Math.max(1, numberOf(owner, 'most')), running: Math.max(0, numberOf(owner, 'running')), sinceMs: numberOf(owner, 'sinceMs'),
      granted: decodeIds(owner['granted']),
    })),
    interactive: ring(value['interactive']),
    background: ring(value['background']),
    machines: records(value['machines']).map((machine) => ({ name: textOf(machine, 'name'), seenMs: numberOf(machine, 'seenMs') })),
  }
}

/** A process as it says who it is; undefined for what is none. */
export function decodeOwner(text: unknown): PlaceOwner | undefined {
  const value = typeof text === 'string' ? parseJson(text) : undefined
  return isRecord(value) ? { name: textOf(value, 'name'), machine: textOf(value, 'machine'), pid: numberOf(value, 'pid'), version: textOf(value, 'version') } : undefined
}

/** What the script answers. */
export function decodePlaceOutcome(text: unknown): PlaceOutcome | undefined {
  const value = typeof text === 'string' ? parseJson(text) : undefined
  if (!isRecord(value)) return undefined
  return {
    unknown: value['unknown'] === true,
    anew: value['anew'] === true,
    grants: records(value['grants']).map((grant): PlaceGrant => ({ owner: textOf(grant, 'owner'), id: textOf(grant, 'id'), waitedMs: numberOf(grant, 'waitedMs') })),
    granted: decodeIds(value['granted']),
    limit: numberOf(value, 'limit'), running: numberOf(value, 'running'), waiting: numberOf(value, 'waiting'),
    pauseUntilMs: numberOf(value, 'pauseUntilMs'), nowMs: numberOf(value, 'nowMs'), machines: numberOf(value, 'machines'),
  }
}
