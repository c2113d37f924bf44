/** One line a request. No prompt, no answer, no key. */
export interface RequestLogEntry {
  /** ISO 8601 */
  time: string
  request_id: string
  /** the key's name */
  key: string
  method: string
  path: string
  /** 499 where the client went first */
  status: number
  duration_ms: number
  /** to the first byte of the answer's body */
  first_ms?: number
  /** as the client named it, where another was taken for it */
  requested_model?: string
  model?: string
  served_model?: string
  role?: string
  degraded?: boolean
  transport?: string
  input_tokens?: number
  output_tokens?: number
  /** fields of the request that were not honoured */
  ignored_fields?: string[]
  error?: string
}
