/**
 * http/ owns the server for OpenAI clients on loopback: two dialects in, the contract's chat in between.
 * It refuses to know how a call reaches the backend.
 */
export { createHttpServer } from './http-server.js'
export type { HttpServer, HttpServerOptions } from './http-server.js'
