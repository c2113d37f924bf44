/**
 * ai-sdk/ owns the door for the Vercel AI SDK: its prompt, stream parts and error classes in our contract's words.
 * It refuses to know the wire and the network: every call goes through the module mounted on the in-memory host.
 */
export { createChatGPT } from './create-chatgpt.js'
export type { ChatGPT } from './create-chatgpt.js'
export { readRoute } from './metadata.js'
export type { ChatGPTOptions } from './options.js'
export type { RouteReceipt } from '../contract/index.js'
