/**
 * The way to the backend as a company has it: TLS by an authority of its own, reached through a proxy that wants a password. The proxy is
 * a published one, which dies now and then with all that runs through it, and refuses whom it served before.
 */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Server } from 'proxy-chain'

const USER = 'fuzz'
const PASSWORD = 'made-up-pass word'
/** Tunnels between two deaths, on the average. */
const LIFE = 60

/**
 * Sets the process's environment, and puts it back.
 * @returns `tls` for the backend, `config` for a mount by its number, counts of what happened
 */
export async function openNetwork({ createAuthority }, { folder, random }) {
  const authority = createAuthority()
  const ca = join(folder, 'ca.pem')
  await writeFile(ca, authority.ca)
  const happened = { tunnels: 0, refused: 0, deaths: 0 }
  const drawLife = () => 1 + random.below(2 * LIFE)
  let left = drawLife()
  const server = new Server({
    host: '127.0.0.1', port: 0,
    prepareRequestFunction({ username, password }) {
      const right = username === USER && password === PASSWORD
      if (!right || random.chance(0.01)) {
        happened.refused++
        return { requestAuthentication: true, failMsg: 'No.' }
      }
      happened.tunnels++
      if (--left === 0) {
        left = drawLife()
        happened.deaths++
        setTimeout(() => server.closeConnections(), random.below(20))
      }
      return {}
    },
  })
  await server.listen()
  // The library's gRPC client goes by these variables too, and the one of the rig should not.
  const set = { https_proxy: `http://${USER}:${encodeURIComponent(PASSWORD)}@127.0.0.1:${server.port}`, no_proxy: '', no_grpc_proxy: '127.0.0.1', NODE_EXTRA_CA_CERTS: ca }
  const before = Object.fromEntries(Object.keys(set).map((name) => [name, process.env[name]]))
  Object.assign(process.env, set)
  return {
    tls: { cert: authority.cert, key: authority.key },
    // NODE_EXTRA_CA_CERTS is there for all; half of them name the authority themselves.
    config: (index) => (index % 2 === 0 ? {} : { ca_file: ca }),
    happened,
    async close() {
      for (const [name, value] of Object.entries(before)) {
        if (value === undefined) delete process.env[name]
        else process.env[name] = value
      }
      await server.close(true)
    },
  }
}
