import { parseRoleName, type CallOptions, type ChatRequest, type ResponseStream } from '../contract/index.js'
import type { ChatGPTProvider } from '../index.js'

/** Starts the call that a request's model asks for: a model, or the roles of `role:NAME` through the matrix of the mount. */
export function openCall(provider: ChatGPTProvider, request: ChatRequest, options: CallOptions): ResponseStream {
  const roles = parseRoleName(request.model ?? '')
  if (!roles) return provider.stream(request, options)
  const { model: _roles, ...rest } = request
  return provider.delegate(roles, rest, options)
}
