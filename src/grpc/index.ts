/**
 * grpc/ owns the server for kernels in another process: their protocol on loopback, the contract's chat behind it.
 * It refuses to know how a call reaches the backend, and loads gRPC only to serve.
 */
export { createGrpcServer } from './grpc-server.js'
/** Its name in 0.1. */
export { createGrpcServer as createGrpcDoor } from './grpc-server.js'
export type { GrpcServer, GrpcServerOptions } from './grpc-server.js'
export type { GrpcServer as GrpcDoor, GrpcServerOptions as GrpcDoorOptions } from './grpc-server.js'
