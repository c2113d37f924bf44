/**
 * http/ owns the server for programs that speak OpenAI's dialects: two of them in, the contract's chat in
 * between, and what has to be kept for them. It refuses to know how a call reaches the backend.
 */
export { createHttpServer } from './http-server.js'
export type { HttpServer } from './http-server.js'
export type { HttpServerOptions } from './http-server-options.js'
export { createKeyFile } from './key-file.js'
export type { KeyFile } from './key-file.js'
export { openResponseStore } from './open-response-store.js'
export type { StoreOptions } from './open-response-store.js'
export { formatLogEntry } from './request-log.js'
export type { ResponseStore } from './response-store.js'
