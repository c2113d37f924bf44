import { isLLMError, type ChatResponse, type Coordinator, type ModuleDescriptor, type Provider, type StreamEvent } from '../../src/contract/index.js'
import { createModule } from '../../src/index.js'

/** Our module with a provider that `breakIt` made worse: what a careless author would ship. */
export function createBrokenModule(breakIt: (provider: Provider) => Provider): ModuleDescriptor {
  const module = createModule({ warn: () => undefined })
  return {
    ...module,
    id: 'provider-broken',
    mount(coordinator, config) {
      const mount: Coordinator['mount'] = (point, mounted, options) => coordinator.mount(point, point === 'providers' ? breakIt(mounted as Provider) : mounted, options)
      return module.mount(new Proxy(coordinator, { get: (target, key) => (key === 'mount' ? mount : Reflect.get(target, key) as unknown) }), config)
    },
  }
}

/** Overrides one method and leaves the rest as it is. */
function withMethod<Name extends keyof Provider>(provider: Provider, name: Name, method: Provider[Name]): Provider {
  return new Proxy(provider, { get: (target, key) => {
    if (key === name) return method
    const value: unknown = Reflect.get(target, key)
    return typeof value === 'function' ? (value as (...words: unknown[]) => unknown).bind(target) : value
  } })
}

const withComplete = (provider: Provider, complete: Provider['complete']): Provider => withMethod(provider, 'complete', complete)

const change = (edit: (response: ChatResponse) => ChatResponse) => (provider: Provider): Provider =>
  withComplete(provider, async (request, options) => edit(await provider.complete(request, options)))

/** The defect, and the checks it must cost. */
export const DEFECTS: readonly [defect: string, breakIt: (provider: Provider) => Provider, lost: string[]][] = [
  [
    'takes a cut stream for a success',
    (provider) => withComplete(provider, async (request, options) => {
      try {
        return await provider.complete(request, options)
      } catch (error) {
        if (isLLMError(error) && ['StreamError', 'NetworkError', 'ProviderUnavailableError'].includes(error.name)) return error.partial ?? { content: [] }
        throw error
      }
    }),
    ['a cut stream is an error', 'half a tool call is never handed out', 'a failed response is an error'],
  ],
  ['loses the usage', change((response) => ({ ...response, usage: null })), ['usage with cached and reasoning tokens']],
  [
    'keeps no sealed thoughts',
    change((response) => ({ ...response, content: response.content.map((block) => (block.type === 'thinking' ? { type: 'thinking' as const, thinking: block.thinking } : block)) })),
    ['reasoning goes back unchanged'],
  ],
  [
    'does not listen to aborts',
    (provider) => withComplete(provider, (request) => provider.complete(request)),
    ['an abort frees the connection'],
  ],
  [
    'throws errors without a kind',
    (provider) => withComplete(provider, (request, options) => provider.complete(request, options).catch((error: unknown) => {
      throw new Error(error instanceof Error ? error.message : String(error))
    })),
    [
      'a cut stream is an error', 'half a tool call is never handed out', 'a failed response is an error', 'a used-up quota says when it resets',
      'a burst of 429 is waited out', 'an unknown model names the nearest', 'a prompt beyond the context is told', 'filtered content is told',
      'a refused account is told', 'an abort frees the connection',
    ],
  ],
  [
    'ends every stream in peace',
    (provider) => withMethod(provider, 'stream', (request, options) => {
      const stream = provider.stream(request, options)
      return { response: () => stream.response(), [Symbol.asyncIterator]: () => withoutErrors(stream) }
    }),
    ['a cut stream is an error', 'half a tool call is never handed out'],
  ],
]

async function* withoutErrors(stream: AsyncIterable<StreamEvent>): AsyncGenerator<StreamEvent> {
  for await (const event of stream) if (event.type !== 'error') yield event
}
