/**
 * The streams the benchmarks are fed with: a Responses answer whose text or tool arguments come in many small deltas.
 * `text-5000`: 5,000 text deltas. `tool-4000`: one call whose arguments are 4,000 lines. `char-1048576`: one call
 * whose arguments are so many characters, one a delta.
 */
const frame = (event) => JSON.stringify(event)
const HEAD = {
  object: 'response', created_at: 1765552659, status: 'in_progress', model: 'gpt-5.5', output: [], parallel_tool_calls: true,
  tool_choice: 'auto', tools: [], error: null, incomplete_details: null,
}

/** Answers the JSON of one event after the other, without an end of line. */
export function* playRecipe(recipe) {
  const [, kind, size] = /^(text|tool|char)-(\d+)$/.exec(recipe) ?? []
  if (kind === undefined) throw new RangeError(`no recipe ${recipe}`)
  yield* kind === 'text' ? playText(Number(size)) : playCall(kind === 'tool' ? readLines(Number(size)) : readCharacters(Number(size)))
}

function* playText(count) {
  let sequence_number = 0
  const item_id = 'msg_b'
  const response = { id: 'resp_b', ...HEAD }
  const at = { item_id, output_index: 0, content_index: 0 }
  yield frame({ type: 'response.created', sequence_number: sequence_number++, response })
  yield frame({ type: 'response.in_progress', sequence_number: sequence_number++, response })
  const item = { id: item_id, type: 'message', status: 'in_progress', content: [], role: 'assistant' }
  yield frame({ type: 'response.output_item.added', sequence_number: sequence_number++, output_index: 0, item })
  const part = { type: 'output_text', annotations: [], logprobs: [], text: '' }
  yield frame({ type: 'response.content_part.added', sequence_number: sequence_number++, ...at, part })
  const pieces = []
  for (let n = 0; n < count; n++) {
    const delta = ` token${n % 977}`
    pieces.push(delta)
    yield frame({ type: 'response.output_text.delta', sequence_number: sequence_number++, ...at, delta, logprobs: [], obfuscation: 'aB3xY9kQ' })
  }
  const text = pieces.join('')
  yield frame({ type: 'response.output_text.done', sequence_number: sequence_number++, ...at, text, logprobs: [] })
  yield frame({ type: 'response.content_part.done', sequence_number: sequence_number++, ...at, part: { ...part, text } })
  yield* endAnswer(response, { ...item, status: 'completed', content: [{ ...part, text }] }, sequence_number, count)
}

function* playCall(parts) {
  let sequence_number = 0
  const item_id = 'fc_b'
  const response = { id: 'resp_b', ...HEAD }
  yield frame({ type: 'response.created', sequence_number: sequence_number++, response })
  const item = { id: item_id, type: 'function_call', status: 'in_progress', arguments: '', call_id: 'call_b', name: 'write_file' }
  yield frame({ type: 'response.output_item.added', sequence_number: sequence_number++, output_index: 0, item })
  const pieces = []
  for (const delta of parts) {
    pieces.push(delta)
    yield frame({ type: 'response.function_call_arguments.delta', sequence_number: sequence_number++, item_id, output_index: 0, delta, obfuscation: 'aB3xY9kQ' })
  }
  const whole = pieces.join('')
  yield frame({ type: 'response.function_call_arguments.done', sequence_number: sequence_number++, item_id, output_index: 0, arguments: whole })
  yield* endAnswer(response, { ...item, status: 'completed', arguments: whole }, sequence_number, pieces.length)
}

function* endAnswer(response, item, sequence, output_tokens) {
  let sequence_number = sequence
  yield frame({ type: 'response.output_item.done', sequence_number: sequence_number++, output_index: 0, item })
  const usage = {
    input_tokens: 11, input_tokens_details: { cached_tokens: 3 }, output_tokens, output_tokens_details: { reasoning_tokens: 2 },
    total_tokens: 11 + output_tokens,
  }
  yield frame({ type: 'response.completed', sequence_number, response: { ...response, status: 'completed', output: [item], usage } })
}

function* readLines(count) {
  yield '{"path":"a.txt","content":"'
  for (let n = 0; n < count; n++) yield `line ${n} of the file, some text that is long enough \\n`
  yield '"}'
}

function* readCharacters(count) {
  const open = '{"content":"'
  yield* open
  for (let n = open.length + 2; n < count; n++) yield 'abcdefghijklmnopqrstuvwxyz '[n % 27]
  yield* '"}'
}
