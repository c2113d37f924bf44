/** What the backend says when it refuses, in its shapes: `{detail: text}`, `{detail: {…}}` and `{error: {…}}`. */
export interface Refusal {
  status: number
  headers?: Record<string, string>
  body: unknown
}

export function detailRefusal(status: number, detail: unknown, headers?: Record<string, string>): Refusal {
  return { status, body: { detail }, ...(headers ? { headers } : {}) }
}

export interface ErrorFields {
  message: string
  /** default invalid_request_error */
  type?: string
  code?: string | null
  param?: string | null
  [extra: string]: unknown
}

export function errorRefusal(status: number, fields: ErrorFields, headers?: Record<string, string>): Refusal {
  const error = { type: 'invalid_request_error', param: null, code: null, ...fields }
  return { status, body: { error }, ...(headers ? { headers } : {}) }
}

export function isRefusal<Value extends object>(value: Value | Refusal): value is Refusal {
  return 'status' in value && 'body' in value
}
