import { ConfigurationError } from '../contract/index.js'

/** The value of `--port`; absent means any that is free. @throws ConfigurationError `usage` */
export function readPort(value: unknown): number {
  if (value === undefined) return 0
  const text = String(value)
  const port = Number(text)
  if (!/^\d{1,5}$/.test(text) || port > 65_535) throw new ConfigurationError(`--port takes a number from 0 to 65535, found ${JSON.stringify(text)}`, { code: 'usage' })
  return port
}
