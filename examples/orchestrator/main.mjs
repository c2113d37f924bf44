// A small orchestrator: four agents of different roles out of a bundle. One hands work to another by
// role through a tool call, and the first model's quota runs out half-way.
//   node examples/orchestrator/main.mjs [bundle.md | bundle.toml]
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import chatgpt from 'amplifier-module-provider-openai-chatgpt'
import { buildMountPlan, loadBundle } from 'amplifier-module-provider-openai-chatgpt/config'
import { createHost } from 'amplifier-module-provider-openai-chatgpt/host'
import { startTwin } from 'amplifier-module-provider-openai-chatgpt/twin'

const here = dirname(fileURLToPath(import.meta.url))
const bundle = await loadBundle(process.argv[2] ?? join(here, 'bundle.md'))
const plan = buildMountPlan({ bundle })

// The stand-in of the backend takes the place of a sign-in of your own.
const twin = await startTwin()
const folder = await mkdtemp(join(tmpdir(), 'amplifier-chatgpt-orchestrator-'))
const token_file_path = join(folder, 'openai-chatgpt-oauth.json')
await writeFile(token_file_path, JSON.stringify(twin.issueTokens()), { mode: 0o600 })
const [entry] = plan.providers
entry.config = { ...entry.config, base_url: twin.baseUrl, issuer: twin.issuer, token_file_path }

const host = createHost({ config: plan, modules: { [entry.module]: chatgpt } })
host.coordinator.hooks.register('provider:fallback', (_event, { from_model, to_model, error_type }) => {
  console.log(`    ! ${from_model} gave way to ${to_model} (${error_type})`)
})

const DELEGATE = {
  name: 'delegate',
  description: 'Hands a task to another agent and answers what it says.',
  parameters: {
    type: 'object',
    properties: { agent: { type: 'string', enum: Object.keys(bundle.agents) }, task: { type: 'string' } },
    required: ['agent', 'task'],
  },
}

/** Runs one agent to its last word; tool calls hand work to others. */
async function runAgent(name, task, depth = 0) {
  const provider = host.coordinator.get('providers', 'openai-chatgpt')
  const { model_role } = host.coordinator.config.agents[name]
  const indent = '  '.repeat(depth)
  const request = {
    conversation_id: `${host.coordinator.sessionId}-${name}`.slice(-60),
    messages: [{ role: 'system', content: bundle.instructions }, { role: 'user', content: task }],
    tools: [DELEGATE],
  }
  console.log(`${indent}${name} (${[model_role].flat().join(', ')}) ← ${task}`)
  for (;;) {
    const answer = await provider.delegate(model_role, request).response()
    const { route } = answer.metadata
    const calls = provider.parseToolCalls(answer)
    const text = answer.content.map((block) => (block.type === 'text' ? block.text : '')).join('')
    const gaveWay = answer.degradation ? `, in place of ${answer.degradation.requested}` : ''
    console.log(`${indent}${name} [${route.served_model}${gaveWay}] → ${calls.length > 0 ? calls.map(({ name, arguments: given }) => `${name}(${given.agent})`).join(', ') : text}`)
    if (calls.length === 0) return text
    request.messages.push({ role: 'assistant', content: answer.content })
    for (const call of calls) {
      const content = await runAgent(call.arguments.agent, call.arguments.task, depth + 1)
      request.messages.push({ role: 'tool', tool_call_id: call.id, content })
    }
  }
}

try {
  await host.start()
  await runAgent('editor', 'call delegate {"agent":"researcher","task":"Find out what a routing matrix is."}')
  console.log('--- the quota of gpt-6.1-sol runs out ---')
  twin.exhaust('gpt-6.1-sol', Math.round(Date.now() / 1000) + 3600)
  await runAgent('writer', 'call delegate {"agent":"critic","task":"Is one line enough?"}')
  console.log('every agent had an answer')
} finally {
  await host.close()
  await twin.close()
  await rm(folder, { recursive: true, force: true })
}
