/**
 * grpc/ owns the door for kernels in another process: their protocol on loopback, the contract's chat behind it.
 * It refuses to know how a call reaches the backend, and loads gRPC only to serve.
 */
export { createGrpcDoor } from './grpc-door.js'
export type { GrpcDoor, GrpcDoorOptions } from './grpc-door.js'
export { serveGrpc } from './serve-command.js'
