import { once } from 'node:events'
import { ConfigurationError, type ChatRequest, type ChatResponse, type Message, type ResponseStream } from '../contract/index.js'
import type { CommandContext } from './command-context.js'
import { EXIT } from './exit-codes.js'
import { withSession } from './open-session.js'
import { createPrint } from './print.js'
import { showWaiting } from './show-waiting.js'
import { writeModelText, writeNotice, type Terminal } from './terminal.js'

const STDIN_LIMIT = 16 * 1024 * 1024

/** One prompt: the answer's text on stdout as it comes, everything else on stderr. */
export async function run(context: CommandContext, flags: Record<string, unknown>, words: readonly string[]): Promise<number> {
  const { terminal, signal } = context
  const print = createPrint(context, flags)
  const prompt = await readPrompt(context, words)
  return withSession(context, flags, async ({ provider, bundle }) => {
    const system = typeof flags.system === 'string' ? flags.system : bundle?.instructions.trim()
    const messages: Message[] = [...(system ? [{ role: 'system' as const, content: system }] : []), { role: 'user', content: prompt }]
    const request: ChatRequest = { messages, ...(typeof flags.model === 'string' ? { model: flags.model } : {}) }
    const options = { signal, interactive: true }
    const role = typeof flags.role === 'string' ? flags.role.split(',').map((word) => word.trim()) : undefined
    if (role && request.model !== undefined) throw new ConfigurationError('--role and --model exclude each other', { code: 'usage' })
    const stream = role ? provider.delegate(role, request, options) : provider.stream(request, options)
    const stop = showWaiting(terminal, 'waiting for the answer')
    const answer = await (flags.json === true || flags.stream === false ? stream.response() : writeText(stream, terminal, signal, stop)).finally(stop)
    if (flags.stream === false) print.modelText(`${textOf(answer)}\n`)
    print.value(answer)
    if (terminal.stderr.isTTY === true && flags.json !== true) writeNotice(terminal, summarize(answer))
    return answer.finish_reason === 'length' ? EXIT.failed : EXIT.ok
  })
}

async function readPrompt({ terminal }: CommandContext, words: readonly string[]): Promise<string> {
  const text = words.join(' ')
  if (text !== '-' && text !== '') return text
  if (terminal.stdin.isTTY === true) throw new ConfigurationError('run takes a prompt: amplifier-chatgpt run "Say hello", or - and the prompt on standard input', { code: 'usage' })
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of terminal.stdin) {
    const bytes = Buffer.from(chunk as Uint8Array)
    size += bytes.length
    if (size > STDIN_LIMIT) throw new ConfigurationError('the prompt on standard input is larger than 16 MB', { code: 'usage' })
    chunks.push(bytes)
  }
  const read = Buffer.concat(chunks).toString('utf8')
  if (read.trim() === '') throw new ConfigurationError('the prompt is empty', { code: 'usage' })
  return read
}

async function writeText(stream: ResponseStream, terminal: Terminal, signal: AbortSignal, onFirst: () => void): Promise<ChatResponse> {
  let last = '\n'
  for await (const event of stream) {
    if (event.type !== 'text.delta' || event.text === '') continue
    onFirst()
    last = event.text
    if (!writeModelText(terminal, event.text)) await once(terminal.stdout, 'drain', { signal })
  }
  if (!last.endsWith('\n')) writeModelText(terminal, '\n')
  return stream.response()
}

function textOf(answer: ChatResponse): string {
  return answer.content.map((block) => (block.type === 'text' ? block.text : '')).join('')
}

function summarize({ usage, metadata, degradation }: ChatResponse): string {
  const route = metadata?.route as { served_model?: string; transport?: string } | undefined
  const words = `${route?.served_model ?? 'unknown'} over ${route?.transport ?? 'unknown'}: ${usage?.input_tokens ?? 0} tokens in (${usage?.cache_read_tokens ?? 0} cached), ${usage?.output_tokens ?? 0} out`
  return degradation ? `${words}; ${degradation.requested} gave way: ${degradation.reason}` : words
}
