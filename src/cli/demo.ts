/** The whole job in one command, over real sockets, against the twin on this machine. */
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { EVENTS, type ChatRequest, type ChatResponse, type Coordinator, type MountPlan, type Provider, type RouteReceipt, type StreamEvent, type ToolSpec } from '../contract/index.js'
import type { CommandContext } from './command-context.js'
import { EXIT } from './exit-codes.js'
import { defined } from '../lib/index.js'
import { exceptFromProxy } from './past-proxy.js'
import { createPrint, type Print } from './print.js'
import { signInByDevice } from './sign-in.js'
import { mountOnHost, type HostMount } from '../mount-on-host.js'
import { MODULE_ID } from '../container.js'
import { startTwin, type Twin } from '../twin/index.js'

const AGENTS = {
  architect: { model_role: ['reasoning', 'general'], task: 'Plan a small command line tool that counts words.' },
  builder: { model_role: 'coding', task: 'call read_file {"path":"README.md"} and say what it holds.' },
  scribe: { model_role: 'writing', task: 'Write one line for the changelog.' },
} as const

const READ_FILE: ToolSpec = {
  name: 'read_file',
  description: 'Reads a text file.',
  parameters: { type: 'object', properties: { path: { type: 'string' } }, required: ['path'], additionalProperties: false },
}

export async function demo(context: CommandContext, options: Record<string, unknown>): Promise<number> {
  const startedMs = performance.now()
  const print = createPrint(context, options)
  const folder = await mkdtemp(join(tmpdir(), 'amplifier-chatgpt-demo-'))
  const twin = await startTwin({ deviceCode: { intervalSeconds: 1 } })
  const log: { event: string; data: Record<string, unknown> }[] = []
  // The mount reads the proxy from the process's environment.
  const past = exceptFromProxy(process.env, twin.url)
  const before = Object.fromEntries(Object.keys(past).map((name) => [name, process.env[name]]))
  Object.assign(process.env, past)
  let mounted: HostMount | undefined
  try {
    const config = { base_url: twin.baseUrl, issuer: twin.issuer, token_file_path: join(folder, 'openai-chatgpt-oauth.json'), login_on_mount: false }
    print.line(print.paint.bold('A stand-in of the backend runs on this machine; nothing leaves it.'))
    await signIn(context, print, twin, config)
    mounted = await mountDemo(config, log)
    const { provider } = mounted
    await printRoles(print, mounted)
    for (const [name, agent] of Object.entries(AGENTS)) await runAgent(context, print, provider, name, agent)
    printEvents(print, log)
    print.line(print.paint.dim(`done in ${((performance.now() - startedMs) / 1000).toFixed(2)} s`))
    return EXIT.ok
  } finally {
    await mounted?.close()
    await twin.close()
    for (const [name, value] of Object.entries(before)) if (value === undefined) delete process.env[name]
    Object.assign(process.env, defined(before))
    await rm(folder, { recursive: true, force: true })
  }
}

async function signIn(
  { signal }: CommandContext, print: Print, twin: Twin, config: { base_url: string; issuer: string; token_file_path: string },
): Promise<void> {
  const credential = await signInByDevice({
    config,
    signal,
    show({ url, userCode }) {
      print.line(`Sign-in by device code: open ${url} and type ${print.paint.bold(userCode)} (the stand-in does it for you)`)
      twin.approveDevice(userCode)
    },
  })
  const mode = process.platform === 'win32' ? '' : `, file mode ${((await stat(config.token_file_path)).mode & 0o777).toString(8)}`
  print.line(`Signed in: account ${credential.accountId ?? 'unknown'}, plan ${credential.planType ?? 'unknown'}${mode}`)
  print.record({ kind: 'sign_in', value: { account_id: credential.accountId, plan_type: credential.planType } })
}

function mountDemo(config: Record<string, unknown>, log: { event: string; data: Record<string, unknown> }[]): Promise<HostMount> {
  const plan: MountPlan = {
    providers: [{ module: MODULE_ID, config }],
    agents: Object.fromEntries(Object.entries(AGENTS).map(([name, { model_role }]) => [name, { model_role: model_role as string | string[] }])),
  }
  const prepare = ({ hooks }: Coordinator) => {
    for (const event of Object.values(EVENTS)) hooks.register(event, (_name, data) => void log.push({ event, data }))
  }
  return mountOnHost({ plan, config, prepare })
}

async function printRoles(print: Print, { resolver }: HostMount): Promise<void> {
  if (!resolver) return
  const { roles } = await resolver.check()
  print.line()
  print.line(`Routing matrix ${print.paint.bold(resolver.name)}, as it is in force:`)
  const rows = roles.map((entry) => [
    entry.role,
    entry.resolved?.resolved_model ?? 'none',
    String(entry.resolved?.config?.reasoning_effort ?? ''),
    entry.candidates.map((candidate) => `${candidate.model} ${candidate.status}`).join(' → '),
  ])
  print.table([{ title: 'role' }, { title: 'model' }, { title: 'effort' }, { title: 'candidates' }], rows, '  ')
  print.record({ kind: 'roles', value: roles.map(({ role, status, resolved }) => ({ role, status, model: resolved?.resolved_model })) })
}

async function runAgent(
  { signal }: CommandContext, print: Print, provider: Provider, name: string, agent: { model_role: string | readonly string[]; task: string },
): Promise<void> {
  const { paint } = print
  const request: ChatRequest = {
    conversation_id: `demo-${name}`,
    messages: [{ role: 'system', content: `You are the ${name}.` }, { role: 'user', content: agent.task }],
    tools: [READ_FILE],
  }
  print.line()
  print.line(`${paint.bold(name)} (${[agent.model_role].flat().join(', ')}) ← ${agent.task}`)
  for (let turn = 0; turn < 4; turn++) {
    const answer = await streamAnswer(print, provider.delegate(agent.model_role, request, { signal }))
    const calls = provider.parseToolCalls(answer)
    printUsage(print, name, answer)
    if (calls.length === 0) return
    request.messages.push({ role: 'assistant', content: answer.content })
    for (const call of calls) {
      print.line(`  ${paint.yellow('tool')} ${call.name} ${JSON.stringify(call.arguments)}`)
      request.messages.push({ role: 'tool', tool_call_id: call.id, content: `# A project\nIts ${String(call.arguments.path)} says hello.` })
    }
  }
}

async function streamAnswer(print: Print, stream: AsyncIterable<StreamEvent> & { response(): Promise<ChatResponse> }): Promise<ChatResponse> {
  let open = false
  for await (const event of stream) {
    if (event.type !== 'text.delta') continue
    if (!open) print.line(`  ${print.paint.green('text')} `, '')
    open = true
    print.modelText(event.text)
  }
  if (open) print.line()
  return stream.response()
}

function printUsage(print: Print, name: string, answer: ChatResponse): void {
  const { usage } = answer
  const route = answer.metadata?.route as { served_model?: string; transport?: string } | undefined
  print.line(print.paint.dim(
    `  ${route?.served_model} over ${route?.transport}: ${usage?.input_tokens} tokens in (${usage?.cache_read_tokens ?? 0} cached), ${usage?.output_tokens} out`))
  print.record({ kind: 'answer', value: { agent: name, content: answer.content, usage, route } })
}

function printEvents(print: Print, log: readonly { event: string; data: Record<string, unknown> }[]): void {
  print.line()
  print.line(print.paint.bold('What the host was told:'))
  let counted = { event: '', count: 0 }
  const flush = () => {
    if (counted.count > 0) print.line(`  ${counted.event.padEnd(26)} × ${counted.count}`)
    counted = { event: '', count: 0 }
  }
  for (const { event, data } of log) {
    if (event === EVENTS.streamBlockDelta) {
      counted = { event, count: counted.event === event ? counted.count + 1 : 1 }
      continue
    }
    flush()
    print.line(`  ${event.padEnd(26)} ${summarize(data)}`)
    print.record({ kind: 'event', value: { event, data } })
  }
  flush()
}

function summarize(data: Record<string, unknown>): string {
  const shown = ['model', 'message_count', 'status', 'duration_ms', 'usage', 'block_index', 'block_type', 'name', 'error_type']
  const route = data.route as RouteReceipt | undefined
  if (route) return `role=${route.role ?? 'none'} model=${route.resolved_model ?? 'none'}`
  return shown
    .filter((key) => data[key] !== undefined)
    .map((key) => `${key}=${typeof data[key] === 'object' ? JSON.stringify(data[key]) : String(data[key])}`)
    .join(' ')
}
