import { ConfigurationError } from '../contract/index.js'
import type { CommandContext } from './command-context.js'
import { EXIT } from './exit-codes.js'
import { createPrint } from './print.js'
import { openKeyFile } from './serve-http.js'

/** `serve keys add NAME`: shows the new key, once. */
export async function addKey(context: CommandContext, flags: Record<string, unknown>, [name = '']: readonly string[]): Promise<number> {
  const print = createPrint(context, flags)
  const key = await openKeyFile(flags).add(name)
  print.line(key)
  print.value({ name, key })
  return EXIT.ok
}

/** `serve keys list`: names and dates; the keys themselves are kept nowhere. */
export async function listKeys(context: CommandContext, flags: Record<string, unknown>): Promise<number> {
  const print = createPrint(context, flags)
  const file = openKeyFile(flags)
  const keys = (await file.list()).map(({ name, created_at }) => ({ name, created_at }))
  if (keys.length === 0) print.line('There are no named keys. Run amplifier-chatgpt serve keys add NAME')
  else print.table([{ title: 'name' }, { title: 'added' }], keys.map(({ name, created_at }) => [name, created_at]))
  print.value(keys)
  return EXIT.ok
}

/** `serve keys revoke NAME`: counts from the next request of running servers on. */
export async function revokeKey(context: CommandContext, flags: Record<string, unknown>, [name = '']: readonly string[]): Promise<number> {
  const print = createPrint(context, flags)
  if (!(await openKeyFile(flags).revoke(name))) throw new ConfigurationError(`there is no key of the name ${JSON.stringify(name)}. Run amplifier-chatgpt serve keys list`, { code: 'usage' })
  print.line(`${name} is revoked.`)
  print.value({ name, revoked: true })
  return EXIT.ok
}
