// The AI SDK on a ChatGPT subscription: a tool loop on a role's model, streamed.
// Runs against the stand-in of the backend on this machine. With a sign-in of your own
// (`npx amplifier-chatgpt login`), take the twin and the config away.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { jsonSchema, stepCountIs, streamText, tool } from 'ai'
import { createChatGPT, readRoute } from 'amplifier-module-provider-openai-chatgpt/ai-sdk'
import { startTwin } from 'amplifier-module-provider-openai-chatgpt/twin'

const twin = await startTwin()
const folder = await mkdtemp(join(tmpdir(), 'amplifier-chatgpt-example-'))
const tokenFile = join(folder, 'openai-chatgpt-oauth.json')
await writeFile(tokenFile, JSON.stringify(twin.issueTokens()), { mode: 0o600 })

const chatgpt = createChatGPT({
  config: { base_url: twin.baseUrl, issuer: twin.issuer, token_file_path: tokenFile },
})

const weather = tool({
  description: 'The weather of a city.',
  inputSchema: jsonSchema({ type: 'object', properties: { city: { type: 'string' } }, required: ['city'], additionalProperties: false }),
  execute: async ({ city }) => `sunny in ${city}`,
})

try {
  const result = streamText({
    model: chatgpt.role('coding'),
    prompt: 'call weather {"city":"Bern"}',
    tools: { weather },
    stopWhen: stepCountIs(3),
  })
  for await (const text of result.textStream) process.stdout.write(text)
  const { totalTokens } = await result.totalUsage
  const route = readRoute(await result.providerMetadata)
  console.log(`\nrole ${route.role} was served by ${route.served_model}, ${(await result.steps).length} steps, ${totalTokens} tokens`)
} finally {
  await chatgpt.close()
  await twin.close()
  await rm(folder, { recursive: true, force: true })
}
