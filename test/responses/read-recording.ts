import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { isRecord } from '../../src/lib/index.js'

/** Streams made for this project, and real recordings where they lie beside it. */
const folders = ['../fixtures/streams/', '../../../shared/streams/'].map((path) => fileURLToPath(new URL(path, import.meta.url))).filter((path) => existsSync(path))
if (folders.length === 1) console.log('no ../shared/streams beside the project: only its own streams are played')

export interface Recording {
  name: string
  /** one event's JSON per line */
  lines: string[]
  events: Record<string, unknown>[]
}

/** Every stream, folder by folder in the order of its file name. */
export function readRecordings(): Recording[] {
  return folders.flatMap((folder) => readdirSync(folder).filter((file) => file.endsWith('.jsonl')).sort().map((file) => {
    const lines = readFileSync(`${folder}${file}`, 'utf8').split('\n').filter((line) => line !== '')
    return { name: file.replace('.jsonl', ''), lines, events: lines.map(parseObject) }
  }))
}

/** Whether the stream tells a failure: it holds no answer. */
export function isFailure(recording: Recording): boolean {
  return recording.events.some((event) => event['type'] === 'response.failed')
}

/** The items that the recording reports done, in output order. */
export function readDoneItems(recording: Recording): Record<string, unknown>[] {
  return recording.events
    .filter((event) => event['type'] === 'response.output_item.done')
    .sort((left, right) => Number(left['output_index']) - Number(right['output_index']))
    .map((event) => event['item'] as Record<string, unknown>)
}

export function isTerminal(event: Record<string, unknown>): boolean {
  return event['type'] === 'error' || /^response\.(completed|done|failed|incomplete|cancelled)$/.test(String(event['type']))
}

function parseObject(line: string): Record<string, unknown> {
  const value: unknown = JSON.parse(line)
  if (!isRecord(value)) throw new Error(`not an event: ${line.slice(0, 80)}`)
  return value
}
