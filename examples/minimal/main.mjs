// A host in forty lines: mount the module, ask a role, stream the answer, listen to its events.
// Runs against the stand-in of the backend on this machine. With a sign-in of your own
// (`npx amplifier-chatgpt login`), take the twin and the three lines of config away.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import chatgpt from 'amplifier-module-provider-openai-chatgpt'
import { createHost } from 'amplifier-module-provider-openai-chatgpt/host'
import { startTwin } from 'amplifier-module-provider-openai-chatgpt/twin'

const twin = await startTwin()
const folder = await mkdtemp(join(tmpdir(), 'amplifier-chatgpt-example-'))
const tokenFile = join(folder, 'openai-chatgpt-oauth.json')
await writeFile(tokenFile, JSON.stringify(twin.issueTokens()), { mode: 0o600 })

const host = createHost({
  modules: { 'provider-openai-chatgpt': chatgpt },
  config: {
    providers: [
      {
        module: 'provider-openai-chatgpt',
        config: { base_url: twin.baseUrl, issuer: twin.issuer, token_file_path: tokenFile, login_on_mount: false },
      },
    ],
  },
})
host.coordinator.hooks.register('llm:response', (_event, { model, status, usage }) => {
  console.log(`\n[${status}] ${model} ${JSON.stringify(usage)}`)
})

try {
  await host.start()
  const provider = host.coordinator.get('providers', 'openai-chatgpt')
  const answer = provider.delegate('coding', { messages: [{ role: 'user', content: 'Say hello to the terminal.' }] })
  for await (const event of answer) {
    if (event.type === 'text.delta') process.stdout.write(event.text)
  }
  const { metadata } = await answer.response()
  console.log(`role ${metadata.route.role} was served by ${metadata.route.served_model} over ${metadata.route.transport}`)
} finally {
  await host.close()
  await twin.close()
  await rm(folder, { recursive: true, force: true })
}
