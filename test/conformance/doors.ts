import { openModule, type ModuleConfigInput, type NamedDoor } from '../../src/conformance/index.js'
import { createModule } from '../../src/index.js'
import { openAiSdkDoor } from './ai-sdk-door.js'
import { openGrpcServer } from './grpc-door.js'
import { openHttpDoor } from './http-door.js'
import { signInAt } from './sign-in.js'

async function overWebSocket({ twin, folder }: ModuleConfigInput): Promise<Record<string, unknown>> {
  return { ...(await signInAt(twin, folder)).config, transport: 'websocket' }
}

/** Every way into our own provider; in process first, as what the others are held against. */
export const DOORS: readonly NamedDoor[] = [
  { name: 'in process', open: openModule(createModule({ warn: () => undefined })) },
  { name: 'in process, over WebSocket', open: openModule(createModule({ warn: () => undefined }), { config: overWebSocket }) },
  { name: 'HTTP', open: openHttpDoor },
  { name: 'gRPC', open: openGrpcServer },
  { name: 'AI SDK', open: openAiSdkDoor },
]
