import { readFile, readlink } from 'node:fs/promises'
import { hostname } from 'node:os'
import { shortHash } from './short-hash.js'

/**
 * A short word that is the same for two processes exactly where one's process id means something to
 * the other: same machine, same boot, same process namespace. Two containers that share a home folder
 * differ, also where they share a host name.
 */
export async function identifyHost(): Promise<string> {
  const [boot, namespace] = await Promise.all([
    readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => ''),
    readlink('/proc/self/ns/pid').catch(() => ''),
  ])
  return shortHash(`${hostname()} ${boot} ${namespace}`).slice(0, 10)
}
