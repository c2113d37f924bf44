import type { ChatResponse, ContentBlock, ToolCall, Usage } from '../contract/index.js'
import { addDecimals } from '../lib/index.js'

/**
 * One answer out of the parts that a continued answer came in: text that was cut in the middle is
 * joined without a seam, usage is summed, the last part says how it ended.
 */
export function joinResponses(parts: readonly ChatResponse[]): ChatResponse {
  const last = parts[parts.length - 1] as ChatResponse
  if (parts.length === 1) return last
  const content: ContentBlock[] = []
  const toolCalls: ToolCall[] = []
  for (const part of parts) {
    part.content.forEach((block, index) => {
      const before = content[content.length - 1]
      const seam = index === part.content.findIndex((candidate) => candidate.type === 'text')
      if (seam && before?.type === 'text' && block.type === 'text') {
        content[content.length - 1] = { ...before, text: before.text + block.text }
      } else content.push(block)
    })
    toolCalls.push(...(part.tool_calls ?? []))
  }
  return {
    ...last,
    content,
    ...(toolCalls.length > 0 && { tool_calls: toolCalls }),
    usage: parts.map((part) => part.usage).reduce(addUsage, undefined) ?? null,
  }
}

function addUsage(sum: Usage | null | undefined, next: Usage | null | undefined): Usage | null | undefined {
  if (!sum || !next) return next ?? sum
  const add = (key: 'reasoning_tokens' | 'cache_read_tokens' | 'cache_write_tokens') =>
    sum[key] == null && next[key] == null ? {} : { [key]: (sum[key] ?? 0) + (next[key] ?? 0) }
  // A part without a price leaves the whole without one.
  const { cost_usd: cost, ...rest } = next
  return {
    ...rest,
    ...(sum.cost_usd && cost ? { cost_usd: addDecimals(sum.cost_usd, cost) } : {}),
    input_tokens: sum.input_tokens + next.input_tokens,
    output_tokens: sum.output_tokens + next.output_tokens,
    total_tokens: sum.total_tokens + next.total_tokens,
    ...add('reasoning_tokens'),
    ...add('cache_read_tokens'),
    ...add('cache_write_tokens'),
  }
}
