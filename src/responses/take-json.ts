import { InvalidRequestError } from '../contract/index.js'
import { isTooDeep } from '../lib/index.js'

/**
 * A copy of a caller's value that no later edit reaches.
 * @param name says what it is, for the message
 * @throws InvalidRequestError, code `no_json_form` for what JSON can't say, `too_deep` for what nests deeper than 500 levels:
 * requests are compared with each other, and what compares them must not run out of stack
 */
export function takeJson<Value extends object>(value: Value, name: () => string): Value {
  let copy: Value
  try {
    copy = JSON.parse(JSON.stringify(value)) as Value
  } catch (cause) {
    if (cause instanceof RangeError) throw new InvalidRequestError(`${name()} nests too deep to be sent`, { code: 'too_deep', cause })
    throw new InvalidRequestError(`${name()} has no JSON form`, { code: 'no_json_form', cause })
  }
  if (isTooDeep(copy)) throw new InvalidRequestError(`${name()} nests deeper than 500 levels`, { code: 'too_deep' })
  return copy
}
