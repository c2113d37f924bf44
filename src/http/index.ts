/**
 * http/ owns the door for OpenAI clients on loopback: two dialects in, the contract's chat in between.
 * It refuses to know how a call reaches the backend.
 */
export { createHttpDoor } from './http-door.js'
export type { HttpDoor, HttpDoorOptions } from './http-door.js'
