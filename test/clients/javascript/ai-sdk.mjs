import { z } from 'zod'

/** The default model of the AI SDK's OpenAI provider (Responses, stored) through a tool loop, whole and streamed. */
export async function runAiSdk(major, { baseUrl, key, model }) {
  const [{ generateText, streamText, tool, ...ai }, { createOpenAI }] = await Promise.all([import(major === 6 ? 'ai-6' : 'ai'), import(major === 6 ? '@ai-sdk/openai-3' : '@ai-sdk/openai')])
  const openai = createOpenAI({ baseURL: baseUrl, apiKey: key })
  const tools = { read_file: tool({ description: 'Reads', inputSchema: z.object({ path: z.string() }), execute: ({ path }) => Promise.resolve(`what ${path} holds`) }) }
  const stop = ai.stepCountIs ?? ai.isStepCount
  const options = { model: openai(model), tools, stopWhen: stop(5), prompt: 'call read_file {"path":"a.txt"}' }
  const { text, steps } = await generateText(options)
  expectText(text, 'what a.txt holds')
  if (steps.length !== 2) throw new Error(`took ${steps.length} steps`)
  const streamed = streamText(options)
  let seen = ''
  for await (const delta of streamed.textStream) seen += delta
  expectText(seen, 'what a.txt holds')
}

export function expectText(text, part) {
  if (!String(text).includes(part)) throw new Error(`answered ${JSON.stringify(text)}, expected ${JSON.stringify(part)} in it`)
}
