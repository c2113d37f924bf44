import { createHash, timingSafeEqual } from 'node:crypto'
import type { Metadata, ServerInterceptor } from '@grpc/grpc-js'
import { AuthenticationError } from '../contract/index.js'
import { writeStatus } from './grpc-failure.js'
import type { LoadedGrpc } from './load-grpc.js'

/** Lets in whoever knows the secret, before a byte of the message is read: a stranger can't make us parse 64 MB. */
export function createAuthInterceptor({ grpc, writers }: LoadedGrpc, secret: string): ServerInterceptor {
  const allows = createCheck(secret)
  return (_method, call) => new grpc.ServerInterceptingCall(call, {
    start: (next) => next({
      onReceiveMetadata(metadata, admit) {
        if (allows(metadata)) return admit(metadata)
        call.sendStatus(writeStatus(new AuthenticationError('x-amplifier-token is missing or wrong', { code: 'wrong_secret' }), { grpc, writers }))
      },
    }),
  })
}

/** Compares digests: neither length nor time tells anything of the secret. */
function createCheck(secret: string): (metadata: Metadata) => boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  const wanted = digest(secret)
  return (metadata) => timingSafeEqual(wanted, digest(String(metadata.get('x-amplifier-token')[0] ?? '')))
}
