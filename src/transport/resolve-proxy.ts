import { BlockList, isIP } from 'node:net'
import { isLoopback } from '../lib/index.js'

export type ProxyEnvironment = Readonly<Record<string, string | undefined>>

/**
 * The proxy for a URL, by the environment, for http, https, ws and wss alike; undefined where the way is direct.
 *
 * - `https_proxy` for https and wss, `http_proxy` for http and ws, else `all_proxy`. The upper-case name counts where the
 *   lower-case one is unset or empty. As with curl, and other than undici's EnvHttpProxyAgent, `http_proxy` is never
 *   taken for https. A value without a scheme is an http proxy.
 * - `no_proxy`: `*`, or entries parted by commas or blanks: `host` and `.host` (the host and everything under it),
 *   `*.host`, an address, an address range (`10.0.0.0/8`), each with `:port` at the end if only that port is meant.
 * - A loopback address is reached directly, unless the proxy stands on loopback too: a proxy elsewhere would
 *   only reach its own loopback.
 *
 * @throws TypeError where the proxy's value is no URL; it names the variable, not the value, which may hold a password
 */
export function resolveProxy(url: string | URL, env: ProxyEnvironment): URL | undefined {
  return findProxy(url, env)?.url
}

/** The proxy with the variable that names it. @see resolveProxy */
export function findProxy(url: string | URL, env: ProxyEnvironment): { url: URL; variable: string } | undefined {
  const target = typeof url === 'string' ? new URL(url) : url
  const secure = target.protocol === 'https:' || target.protocol === 'wss:'
  const found = readVariable(env, secure ? 'https_proxy' : 'http_proxy') ?? readVariable(env, 'all_proxy')
  if (!found) return undefined
  const port = Number(target.port) || (secure ? 443 : 80)
  if (isExcepted(target.hostname, port, readVariable(env, 'no_proxy')?.value ?? '')) return undefined
  const proxy = parseProxy(found)
  return isLoopback(target) && !isLoopback(proxy) ? undefined : { url: proxy, variable: found.name }
}

interface Variable {
  name: string
  value: string
}

function readVariable(env: ProxyEnvironment, name: string): Variable | undefined {
  for (const spelling of [name, name.toUpperCase()]) {
    const value = env[spelling]?.trim()
    if (value) return { name: spelling, value }
  }
  return undefined
}

function parseProxy({ name, value }: Variable): URL {
  try {
    const proxy = new URL(/^[a-z][a-z0-9+.-]*:\/\//i.test(value) ? value : `http://${value}`)
    if (proxy.hostname !== '') return proxy
  } catch {
    // told below, without the value
  }
  throw new TypeError(`${name} in the environment is no proxy URL; it should read like http://host:port`)
}

function isExcepted(hostname: string, port: number, noProxy: string): boolean {
  const host = hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '').toLowerCase()
  return noProxy
    .split(/[\s,]+/)
    .filter((entry) => entry !== '')
    .some((entry) => entry === '*' || matchesEntry(host, port, entry.toLowerCase()))
}

function matchesEntry(host: string, port: number, entry: string): boolean {
  const [, bracketed, bare, portText] = /^(?:\[([^\]]+)\]|(.*?))(?::(\d+))?$/.exec(entry) ?? []
  // an unbracketed IPv6 address has colons of its own
  if (bracketed === undefined && isIP(entry.split('/')[0] ?? '') === 6) return matchesAddress(host, entry)
  if (portText !== undefined && Number(portText) !== port) return false
  const name = (bracketed ?? bare ?? '').replace(/^\*?\./, '').replace(/\.$/, '')
  if (name === '') return false
  if (isIP(name.split('/')[0] ?? '') !== 0) return matchesAddress(host, name)
  return host === name || host.endsWith(`.${name}`)
}

function matchesAddress(host: string, entry: string): boolean {
  const family = isIP(host)
  const [address = '', prefix] = entry.split('/')
  if (family === 0 || isIP(address) !== family) return false
  const type = family === 6 ? 'ipv6' : 'ipv4'
  const bits = prefix === undefined || !/^\d+$/.test(prefix) ? (family === 6 ? 128 : 32) : Number(prefix)
  if (bits > (family === 6 ? 128 : 32)) return false
  const list = new BlockList()
  list.addSubnet(address, bits, type)
  return list.check(host, type)
}
