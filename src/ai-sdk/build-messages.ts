import type { LanguageModelV3Message, LanguageModelV3Prompt } from '@ai-sdk/provider'
import type { ContentBlock, ImageBlock, JsonObject, Message } from '../contract/index.js'
import { isRecord, readString } from '../lib/index.js'
import { unsupported } from './map-error.js'
import { readOurs, readThoughts, type PlacedThought } from './metadata.js'

/**
 * The AI SDK's prompt as our messages. Files are read in the forms of its versions 3 and 4.
 * @throws UnsupportedFunctionalityError for a file that is neither image nor text
 */
export function buildMessages(prompt: LanguageModelV3Prompt): Message[] {
  return prompt.map(buildMessage)
}

function buildMessage(message: LanguageModelV3Message): Message {
  switch (message.role) {
    case 'system':
      return { role: 'system', content: message.content }
    case 'user':
      return {
        role: 'user',
        content: message.content.map((part) => (part.type === 'text' ? { type: 'text', text: part.text } : buildFile(part.data, part.mediaType))),
      }
    case 'assistant':
      return { role: 'assistant', content: buildAnswer(message.content) }
    case 'tool':
      return { role: 'tool', content: message.content.flatMap((part) => (part.type === 'tool-result' ? [buildResult(part)] : [])) }
  }
}

type AssistantPart = Extract<LanguageModelV3Message, { role: 'assistant' }>['content'][number]
type ResultPart = Extract<AssistantPart, { type: 'tool-result' }>

/** Thoughts go back where they were; those of other providers are nobody's to send as text. */
function buildAnswer(parts: readonly AssistantPart[]): ContentBlock[] {
  const blocks: ContentBlock[] = []
  const thoughts: PlacedThought[] = []
  for (const part of parts) {
    switch (part.type) {
      case 'text': {
        const { phase } = readOurs(part.providerOptions)
        blocks.push({ type: 'text', text: part.text, ...(typeof phase === 'string' ? { phase } : {}) })
        break
      }
      case 'reasoning':
        thoughts.push(...readThoughts(part.providerOptions))
        break
      case 'tool-call':
        blocks.push({ type: 'tool_call', id: part.toolCallId, name: part.toolName, input: isRecord(part.input) ? part.input : {} })
        break
      case 'tool-result':
        blocks.push(buildResult(part))
        break
      default:
        throw unsupported(`${part.type} (${part.mediaType}) in an assistant message`)
    }
  }
  // The thoughts behind all else first: a splice then moves no later place.
  thoughts.sort((a, b) => a.at - b.at)
  for (const { at, block } of thoughts.reverse()) blocks.splice(Math.min(at, blocks.length), 0, block)
  return blocks
}

function buildResult({ toolCallId, toolName, output }: ResultPart): ContentBlock {
  return { type: 'tool_result', tool_call_id: toolCallId, name: toolName, output: buildOutput(output) }
}

function buildOutput(output: ResultPart['output']): unknown {
  switch (output.type) {
    case 'content':
      return output.value.map((part: unknown) => (isRecord(part) ? buildOutputPart(part) : { type: 'text', text: '' }))
    case 'execution-denied':
      return output.reason ?? 'The user denied the execution of this tool.'
    default:
      return output.value
  }
}

/** A part that can't be shown becomes a sentence: the model goes on from there. */
function buildOutputPart(part: JsonObject): ContentBlock {
  const type = readString(part, 'type') ?? ''
  const text = readString(part, 'text')
  if (type === 'text' && text !== undefined) return { type: 'text', text }
  const isImage = type.startsWith('image-')
  const mediaType = readString(part, 'mediaType') ?? (isImage ? 'image/*' : '')
  const url = readString(part, 'url')
  const data: unknown = url === undefined ? part['data'] : { type: 'url', url }
  if (data !== undefined && (url !== undefined || mediaType !== '')) {
    try {
      return buildFile(data, mediaType === '' ? 'image/*' : mediaType)
    } catch {
      // Said below.
    }
  }
  return { type: 'text', text: `[left out: ${type === '' ? 'a part' : type}${mediaType === '' ? '' : ` of type ${mediaType}`}]` }
}

function buildFile(data: unknown, mediaType: string): ContentBlock {
  const file = readFile(data)
  if (mediaType.startsWith('image/')) return buildImage(file, mediaType)
  if (mediaType.startsWith('text/') && file.text !== undefined) return { type: 'text', text: file.text }
  if (mediaType.startsWith('text/') && file.base64 !== undefined) {
    return { type: 'text', text: Buffer.from(file.base64, 'base64').toString('utf8') }
  }
  throw unsupported(`file of type ${mediaType}`)
}

function buildImage({ url, base64 }: FileContent, mediaType: string): ImageBlock {
  if (url !== undefined) return { type: 'image', source: { type: 'url', url } }
  if (base64 === undefined) throw unsupported(`image of type ${mediaType} without data`)
  return { type: 'image', source: { type: 'base64', media_type: mediaType === 'image/*' ? 'image/png' : mediaType, data: base64 } }
}

interface FileContent {
  url?: string
  base64?: string
  text?: string
}

/** Version 3 hands over the bytes, base64 or an URL; version 4 wraps them by kind. */
function readFile(data: unknown): FileContent {
  if (data instanceof Uint8Array) return { base64: Buffer.from(data).toString('base64') }
  if (data instanceof URL) return { url: data.href }
  if (typeof data === 'string') return /^(?:https?|data):/.test(data) ? { url: data } : { base64: data }
  if (!isRecord(data)) return {}
  if (data['type'] === 'text') return { text: readString(data, 'text') ?? '' }
  return readFile(data['type'] === 'url' ? String(data['url']) : data['data'])
}
