import { fileURLToPath } from 'node:url'
import type * as Grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/grpc-js'
import type { MessageTypeDefinition, ServiceDefinition } from '@grpc/proto-loader'
import { ConfigurationError } from '../contract/index.js'

/** Serializers of the two messages that a failure's details consist of. */
export interface DetailWriters {
  amplifierError(value: object): Buffer
  statusDetails(value: object): Buffer
}

export interface LoadedGrpc {
  grpc: (typeof Grpc)['default']
  provider: ServiceDefinition
  lifecycle: ServiceDefinition
  /** the one method of the kernel's own service that we call */
  emitHook: MethodDefinition<object, object>
  writers: DetailWriters
}

/** Loads what only a server needs. @throws ConfigurationError where the optional packages are not installed */
export async function loadGrpc(): Promise<LoadedGrpc> {
  // Both are CommonJS: their default export is there in a bundle of one file too, the named ones are not.
  const [{ default: grpc }, { default: loader }] = await Promise.all([import('@grpc/grpc-js'), import('@grpc/proto-loader')]).catch((error: unknown) => {
    throw new ConfigurationError('the gRPC server needs @grpc/grpc-js and @grpc/proto-loader. Run npm install @grpc/grpc-js @grpc/proto-loader', { code: 'missing_package', cause: error })
  })
  const path = fileURLToPath(new URL('../../schemas/amplifier-module.proto', import.meta.url))
  const defined = await loader.load(path, { keepCase: true, defaults: true, oneofs: true })
  const message = (name: string) => {
    const { serialize } = defined[`amplifier.module.${name}`] as MessageTypeDefinition<object, object>
    return (value: object) => serialize(value)
  }
  return {
    grpc,
    provider: defined['amplifier.module.ProviderService'] as ServiceDefinition,
    lifecycle: defined['amplifier.module.ModuleLifecycle'] as ServiceDefinition,
    emitHook: (defined['amplifier.module.KernelService'] as ServiceDefinition).EmitHook as MethodDefinition<object, object>,
    writers: { amplifierError: message('AmplifierError'), statusDetails: message('StatusDetails') },
  }
}
