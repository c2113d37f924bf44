/** Every tool call has its output later on, every output its call before. Pure. */
import { errorRefusal, type Refusal } from './refusal.js'

const CALLS: Record<string, { family: string; noun: string }> = {
  function_call: { family: 'function', noun: 'function call' },
  custom_tool_call: { family: 'custom', noun: 'custom tool call' },
  local_shell_call: { family: 'function', noun: 'local shell call' },
  tool_search_call: { family: 'search', noun: 'tool search call' },
}
const OUTPUTS: Record<string, { family: string; noun: string }> = {
  function_call_output: { family: 'function', noun: 'function call output' },
  local_shell_call_output: { family: 'function', noun: 'local shell call output' },
  custom_tool_call_output: { family: 'custom', noun: 'custom tool call output' },
  tool_search_output: { family: 'search', noun: 'tool search output' },
}

export function checkPairs(items: readonly Record<string, unknown>[]): Refusal | undefined {
  const open = new Map<string, string>()
  for (const item of items) {
    const type = String(item['type'])
    const callId = item['call_id']
    if (typeof callId !== 'string') continue
    const call = CALLS[type]
    if (call) {
      // a tool search that the server ran has no output of the client's
      if (!(type === 'tool_search_call' && item['execution'] === 'server')) open.set(`${call.family}:${callId}`, call.noun)
      continue
    }
    const output = OUTPUTS[type]
    if (!output || (type === 'tool_search_output' && item['execution'] === 'server')) continue
    if (!open.has(`${output.family}:${callId}`)) {
      return errorRefusal(400, { message: `No tool call found for ${output.noun} with call_id ${callId}.`, param: 'input' })
    }
    open.set(`${output.family}:${callId}`, '')
  }
  for (const [key, noun] of open) {
    if (noun !== '') return errorRefusal(400, { message: `No tool output found for ${noun} ${key.slice(key.indexOf(':') + 1)}.`, param: 'input' })
  }
  return undefined
}
