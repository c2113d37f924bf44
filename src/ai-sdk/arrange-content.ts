import type { SharedV3ProviderMetadata } from '@ai-sdk/provider'
import type { ChatResponse, TextBlock, ToolCallBlock } from '../contract/index.js'
import { wrapMetadata, type PlacedThought } from './metadata.js'

/** A part of an answer as the AI SDK cuts it: neighbouring texts are one, and so are neighbouring thoughts. */
export type AnswerPart =
  | { type: 'text'; text: string; providerMetadata?: SharedV3ProviderMetadata }
  | { type: 'reasoning'; text: string; providerMetadata: SharedV3ProviderMetadata }
  | { type: 'tool-call'; block: ToolCallBlock }

type Run =
  | { type: 'text'; blocks: TextBlock[] }
  | { type: 'reasoning'; thoughts: PlacedThought[] }
  | { type: 'tool-call'; block: ToolCallBlock }

/**
 * The answer's parts in order. A stream opens the same ones one after the other; thoughts that show no text
 * come to light only with the whole answer. Each thought says how many texts and calls stand before it: the
 * prompt of the next turn puts it back there, wherever its part was announced.
 */
export function arrangeContent(response: ChatResponse): AnswerPart[] {
  const runs: Run[] = []
  let at = 0
  for (const block of response.content) {
    const last = runs.at(-1)
    if (block.type === 'text') {
      if (last?.type === 'text') last.blocks.push(block)
      else {
        runs.push({ type: 'text', blocks: [block] })
        at++
      }
    // The AI SDK has no part for a hosted item: with the thoughts it is kept, and goes back in its place.
    } else if (block.type === 'thinking' || block.type === 'hosted') {
      if (last?.type === 'reasoning') last.thoughts.push({ at, block })
      else runs.push({ type: 'reasoning', thoughts: [{ at, block }] })
    } else if (block.type === 'tool_call') {
      runs.push({ type: 'tool-call', block })
      at++
    }
  }
  return runs.map(toPart)
}

function toPart(run: Run): AnswerPart {
  switch (run.type) {
    case 'text': {
      // Newer models want the phase of their own text back.
      const phase: unknown = run.blocks.at(-1)?.['phase']
      const text = run.blocks.map((block) => block.text).join('')
      return { type: 'text', text, ...(typeof phase === 'string' ? { providerMetadata: wrapMetadata({ phase }) } : {}) }
    }
    case 'reasoning': {
      const text = run.thoughts.map(({ block }) => (block.type === 'thinking' ? block.thinking : '')).filter(Boolean).join('\n\n')
      return { type: 'reasoning', text, providerMetadata: wrapMetadata({ thoughts: run.thoughts }) }
    }
    default:
      return run
  }
}
