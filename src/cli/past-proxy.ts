import { isLoopback } from '../lib/index.js'

const PROXIES = ['http_proxy', 'HTTP_PROXY', 'all_proxy', 'ALL_PROXY']

/**
 * The variable that keeps the stand-in's own address from a proxy of the environment, with what it says already; empty
 * where no proxy is named. The name in small letters counts before the other, for this program and for curl.
 */
export function exceptFromProxy(env: NodeJS.ProcessEnv, url: string): Record<string, string> {
  if (!isLoopback(url) || !PROXIES.some((name) => env[name]?.trim())) return {}
  const name = env.no_proxy?.trim() ? 'no_proxy' : 'NO_PROXY'
  const before = (env[name] ?? '').split(/[\s,]+/).filter((entry) => entry !== '')
  const { hostname } = new URL(url)
  return before.includes(hostname) || before.includes('*') ? {} : { [name]: [...before, hostname].join(',') }
}
