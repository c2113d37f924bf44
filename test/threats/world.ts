import { createServer, type AddressInfo } from 'node:net'
import { startTwin, type Twin } from '../../src/twin/index.js'

/** The backend that the user is signed in at, and the server of a project, at which nobody should ever arrive. */
export interface World {
  twin: Twin
  /** of the project's server, such as `http://127.0.0.1:1234/v1` */
  address: string
  /** to the project's server */
  connections(): number
  close(): Promise<void>
}

export async function openWorld(twin?: Twin): Promise<World> {
  const own = twin ?? (await startTwin())
  let connections = 0
  const evil = createServer((socket) => {
    connections += 1
    socket.on('error', () => undefined).destroy()
  })
  await new Promise<void>((resolve) => evil.listen(0, '127.0.0.1', resolve))
  return {
    twin: own,
    address: `http://127.0.0.1:${(evil.address() as AddressInfo).port}/v1`,
    connections: () => connections,
    async close() {
      evil.close()
      if (!twin) await own.close()
    },
  }
}
