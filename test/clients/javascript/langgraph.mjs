import { tool } from '@langchain/core/tools'
import { createReactAgent } from '@langchain/langgraph/prebuilt'
import { ChatOpenAI } from '@langchain/openai'
import { z } from 'zod'
import { expectText } from './ai-sdk.mjs'

/** LangChain's agent loop over either API. */
export async function runLangGraph({ baseUrl, key, model }, useResponsesApi) {
  const llm = new ChatOpenAI({ model, apiKey: key, configuration: { baseURL: baseUrl }, useResponsesApi, streaming: useResponsesApi })
  const read = tool(({ path }) => `what ${path} holds`, { name: 'read_file', description: 'Reads', schema: z.object({ path: z.string() }) })
  const { messages } = await createReactAgent({ llm, tools: [read] }).invoke({ messages: [{ role: 'user', content: 'call read_file {"path":"a.txt"}' }] })
  expectText(messages.at(-1).text ?? JSON.stringify(messages.at(-1).content), 'what a.txt holds')
}
