/** Generated answers through the reader alone: what its block events said held against its response and its items. */
import { HOSTED, makeAnswer, summarize, summarizeResponse } from './generate-answers.mjs'

/** What the stream said, read off its block events alone. */
function readStream(blocks) {
  const texts = new Map()
  const calls = []
  const hosted = []
  for (const event of blocks) {
    if (event.type === 'block_delta' && event.block === 'text') texts.set(event.index, (texts.get(event.index) ?? '') + event.text)
    if (event.type !== 'block_end') continue
    if (event.arguments) calls.push({ id: event.toolCallId, name: event.name, arguments: event.arguments })
    if (event.item) hosted.push(event.item)
  }
  return summarize({ texts: [...texts.values()], calls, hosted })
}

/** @param parts AnswerReader, decodeEvent and readOtherEvent @returns the differences, each with the answer's number */
export function readAnswers({ AnswerReader, decodeEvent, readOtherEvent }, { seed, count }) {
  const differences = []
  for (let number = 0; number < count; number++) {
    const reader = new AnswerReader({ provenance: { account: 'a', lane: 'codex', model_family: 'f' } })
    const blocks = []
    for (const value of makeAnswer(seed, number)) {
      const event = decodeEvent(value)
      if (event) reader.accept(event, blocks)
      else reader.acceptOther(readOtherEvent(value), blocks)
    }
    const isAnswer = reader.ended?.kind === 'completed' || reader.ended?.kind === 'incomplete'
    const streamed = readStream(blocks)
    const answered = summarizeResponse(isAnswer ? reader.response() : reader.partial())
    const kept = summarize({ texts: [], calls: [], hosted: reader.items().filter(({ type }) => HOSTED.has(type)) })
    // Text that was shown can't be taken back; then the reader must say so.
    if (reader.difference !== undefined) streamed.texts = answered.texts
    for (const [what, one, other] of [['response', streamed, answered], ['items', { ...kept, hosted: streamed.hosted }, kept]]) {
      if (JSON.stringify(one) !== JSON.stringify(other)) differences.push(`answer ${number} (seed ${seed}): stream ${JSON.stringify(one)}, ${what} ${JSON.stringify(other)}`)
    }
  }
  return differences
}
