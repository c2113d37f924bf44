import type { Coordinator } from '../contract/index.js'
import { isRecord } from '../lib/index.js'
import { CONTEXT_MARK } from './routing-context.js'

type PromptFactory = () => Promise<string> | string

/** The part of a host's context module that makes the system prompt. */
interface PromptContext {
  readonly current: PromptFactory
  set(factory: PromptFactory): unknown
}

/** Puts a text behind the system prompt that a host's context module makes. */
export interface PromptPrefix {
  /** Answers false where there is no such prompt to add to: a plain system message would be lost by it. */
  ensure(): Promise<boolean>
  /** The prompt is as the host's own factory makes it again. */
  end(): void
}

/** @param render the text now; nothing is added where it is empty */
export function createPromptPrefix(coordinator: Pick<Coordinator, 'get'>, render: () => string): PromptPrefix {
  let base: PromptFactory | undefined
  let ended = false
  // Ours, or one of another hook that has wrapped ours.
  let carrying: PromptFactory | undefined
  const wrapped: PromptFactory = async () => {
    const prompt = (await base?.()) ?? ''
    const text = ended ? '' : render()
    return text === '' ? prompt : `${prompt}\n\n${text}`
  }
  return {
    async ensure() {
      const context = findContext(coordinator)
      if (context === undefined) return false
      if (context.current === carrying) return true
      if (String(await context.current()).includes(CONTEXT_MARK)) carrying = context.current
      else {
        base = context.current
        await context.set(wrapped)
        carrying = wrapped
      }
      return true
    },
    end() {
      ended = true
      const context = findContext(coordinator)
      if (base !== undefined && context?.current === wrapped) void context.set(base)
    },
  }
}

function findContext(coordinator: Pick<Coordinator, 'get'>): PromptContext | undefined {
  const context: unknown = coordinator.get('context')
  if (!isRecord(context)) return undefined
  const { set_system_prompt_factory: set, _system_prompt_factory: current } = context
  if (typeof set !== 'function' || typeof current !== 'function') return undefined
  return {
    current: current as PromptFactory,
    set: (factory) => Reflect.apply(set, context, [factory]) as unknown,
  }
}
