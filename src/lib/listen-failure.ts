/** Why a server could not listen, and what to do; undefined for what says so itself. */
export function describeListenFailure(error: unknown, { host, port }: { host: string; port: number }): { code: string; message: string } | undefined {
  switch ((error as NodeJS.ErrnoException | undefined)?.code) {
    case 'EADDRINUSE':
      return { code: 'port_in_use', message: `port ${port} of ${host} is taken by another program: end it, or take another with --port (0: any that is free)` }
    case 'EACCES':
      return { code: 'port_refused', message: `this user may not listen at port ${port}: take one above 1023 with --port` }
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return { code: 'host_unknown', message: `${host} is no address of this machine: name one of its own with --host, or 0.0.0.0 for all` }
    default:
      return undefined
  }
}
