import type { Context, Span } from '@opentelemetry/api'
import type { Coordinator } from '../contract/index.js'
import { keepNewest } from '../lib/index.js'
import { agentOf } from '../usage/call-record.js'
import type { Api } from './load-api.js'

/** Spans of what the host tells: sessions of delegated agents, and tools. */
export interface HostSpans {
  /** Listens to the host's events. @returns the end of it, which ends what is open */
  attach(coordinator: Coordinator): () => void
  /** What a call of the session stands under; undefined where the host has told of none. */
  parentOf(sessionId: string): Context | undefined
}

/** More tools or agents than this do not run at once; what never ends is forgotten. */
const MOST_OPEN = 1000

type Data = Readonly<Record<string, unknown>>
const textOf = (data: Data, ...keys: string[]): string | undefined => keys.map((key) => data[key]).find((value): value is string => typeof value === 'string' && value !== '')

/** @param open the API and the scope, undefined while no provider is registered */
export function createHostSpans(open: () => { api: Api; name: string; version: string } | undefined): HostSpans {
  const agents = new Map<string, { span: Span; inside: Context }>()
  const tools = new Map<string, Span>()
  const toolKey = (session: string, data: Data): string => `${session} ${textOf(data, 'tool_call_id', 'call_id', 'tool_name') ?? ''}`
  const start = (operation: string, name: string, attributes: Record<string, string>, parent?: Context): { span: Span; inside: Context } | undefined => {
    const found = open()
    if (!found) return undefined
    const { api } = found
    const under = parent ?? api.context.active()
    const span = api.trace.getTracer(found.name, found.version).startSpan(
      `${operation} ${name}`.trimEnd(), { kind: api.SpanKind.INTERNAL, attributes: { 'gen_ai.operation.name': operation, ...attributes } }, under)
    return { span, inside: api.trace.setSpan(under, span) }
  }
  const endTool = (session: string, data: Data, failed: boolean): void => {
    const span = tools.get(toolKey(session, data))
    tools.delete(toolKey(session, data))
    if (failed) span?.setAttribute('error.type', textOf(data, 'error_type') ?? '_OTHER').setStatus({ code: 2 })
    span?.end()
  }
  const endAgent = (session: string): void => {
    agents.get(session)?.span.end()
    agents.delete(session)
  }
  return {
    parentOf: (sessionId) => agents.get(sessionId)?.inside,
    attach({ hooks, sessionId, parentId }) {
      const agent = agentOf({ request: {}, sessionId })
      const handlers: Record<string, (data: Data) => void> = {
        'session:start': () => {
          if (!parentId) return
          const opened = start('invoke_agent', agent, { 'gen_ai.conversation.id': sessionId, 'gen_ai.provider.name': 'openai', ...(agent === '' ? {} : { 'gen_ai.agent.name': agent }) }, agents.get(parentId)?.inside)
          if (opened) keepNewest(agents, sessionId, opened, MOST_OPEN)
        },
        'session:end': () => endAgent(sessionId),
        'tool:pre': (data) => {
          const name = textOf(data, 'tool_name', 'name') ?? ''
          const id = textOf(data, 'tool_call_id', 'call_id')
          const opened = start('execute_tool', name, { 'gen_ai.tool.name': name, 'gen_ai.tool.type': 'function', ...(id === undefined ? {} : { 'gen_ai.tool.call.id': id }) }, agents.get(sessionId)?.inside)
          if (opened) keepNewest(tools, toolKey(sessionId, data), opened.span, MOST_OPEN)
        },
        'tool:post': (data) => endTool(sessionId, data, false),
        'tool:error': (data) => endTool(sessionId, data, true),
      }
      const ends = Object.entries(handlers).map(([event, handle]) => hooks.register(event, (_event, data) => handle(data), { priority: 950, name: 'telemetry' }))
      return () => {
        for (const end of ends) end()
        endAgent(sessionId)
      }
    },
  }
}
