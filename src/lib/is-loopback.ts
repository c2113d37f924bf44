const LOOPBACK_HOST = /^(?:localhost|.+\.localhost|127\.\d+\.\d+\.\d+|\[::1\]|\[::ffff:7f[0-9a-f]{2}:[0-9a-f]{1,4}\])$/

/**
 * True where the URL's host is this machine: `localhost` and names under it (RFC 6761), 127.0.0.0/8, `::1`.
 * Short forms such as `http://127.1` count, since the URL parser spells them out. False for what is no URL.
 */
export function isLoopback(url: string | URL): boolean {
  const hostname = typeof url === 'string' ? readHostname(url) : url.hostname
  return hostname !== undefined && LOOPBACK_HOST.test(hostname.toLowerCase().replace(/\.$/, ''))
}

function readHostname(url: string): string | undefined {
  try {
    return new URL(url).hostname
  } catch {
    return undefined
  }
}
