import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { isRecord } from '../../src/lib/index.js'

const folder = fileURLToPath(new URL('../fixtures/streams/', import.meta.url))

export interface Recording {
  name: string
  /** one event's JSON per line */
  lines: string[]
  events: Record<string, unknown>[]
}

/** Every recorded stream, in the order of its file name. */
export function readRecordings(): Recording[] {
  return readdirSync(folder).filter((file) => file.endsWith('.jsonl')).sort().map((file) => {
    const lines = readFileSync(`${folder}${file}`, 'utf8').split('\n').filter((line) => line !== '')
    return { name: file.replace('.jsonl', ''), lines, events: lines.map(parseObject) }
  })
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
