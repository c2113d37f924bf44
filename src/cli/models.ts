import type { CommandContext } from './command-context.js'
import { EXIT } from './exit-codes.js'
import { withSession } from './open-session.js'
import { createPrint } from './print.js'

/** The account's models, in the account's order. */
export async function models(context: CommandContext, flags: Record<string, unknown>): Promise<number> {
  const print = createPrint(context, flags)
  return withSession(context, flags, async ({ provider }) => {
    const list = await provider.listModels()
    const source = list[0]?.metadata?.source
    print.table(
      [{ title: 'model' }, { title: 'name' }, { title: 'context', align: 'right' }, { title: 'output', align: 'right' }, { title: 'can' }],
      list.map((model) => [model.id, model.display_name, String(model.context_window), String(model.max_output_tokens), model.capabilities.join(' ')]),
    )
    if (source === 'fallback') print.line(print.paint.yellow('The live list could not be had: this is the built-in one. Run amplifier-chatgpt doctor'))
    if (source === 'last_good') print.line(print.paint.yellow(`The live list could not be had: this one is ${String(list[0]?.metadata?.age_seconds)} s old.`))
    print.value(list)
    return source === 'fallback' ? EXIT.unavailable : EXIT.ok
  })
}
