/**
 * A seeded day of agents that delegate to roles, on a stand-in that models what the plan is drawn on for. It runs the
 * same under any matrix: what is asked depends on the seed alone, never on an answer's model.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createRandom } from './seeded.mjs'

/** How the stand-in's plan is drawn on. The replay is told nothing of it: it learns from the windows' figures. */
export const PLAN_USE = {
  models: { 'gpt-6-luna': 0.22, 'gpt-6.1-sol': 1.15 },
  thinking: { none: 0, minimal: 0.1, low: 0.3, medium: 0.8, high: 1.6, xhigh: 2.6, max: 3.4 },
  thinkingOf: { 'gpt-6-luna': 0.7 },
}
/** Weighted tokens that the windows hold for each call of the day: it takes about a third of the first. */
const HOLDS_A_CALL = { primary: 16_000, secondary: 64_000 }
const WINDOWS = { primary: { used_percent: 0, window_minutes: 300 }, secondary: { used_percent: 0, window_minutes: 10_080 } }

/** How often agents turn to a role. */
const WEIGHTS = {
  general: 10, fast: 18, coding: 22, 'ui-coding': 6, 'security-audit': 3, reasoning: 6, critique: 5, creative: 2, writing: 6, research: 7,
  vision: 2, 'image-gen': 1, 'critical-ops': 2,
}
const SYSTEM_CHARS = 6_000
const ANSWER_MS = 80

/** What one agent does: conversations with roles, each of a few turns that grow. */
function* workOf(random, name, calls) {
  const system = { role: 'system', content: `Agent ${name}. ${random.words(SYSTEM_CHARS)}` }
  for (let left = calls, number = 0; left > 0; number++) {
    const role = random.weighted(WEIGHTS)
    const messages = [system]
    for (let turn = Math.min(left, 1 + random.below(8)); turn > 0; turn--, left--) {
      messages.push({ role: 'user', content: random.words(40 + random.below(random.chance(0.2) ? 3_500 : 900)) })
      const answer = yield { role, request: { messages: [...messages], conversation_id: `${name}-${number}` } }
      messages.push({ role: 'assistant', content: answer })
    }
  }
}

/**
 * Runs the day under a matrix, until the plan is used up where that comes first. Answers the recording, how far the windows
 * of the stand-in itself have risen, and how many calls of each agent were served.
 * @param fill how many times less the windows hold
 * @param upTo calls of each agent; default: all of the day
 */
export async function runDay(rooms, { seed, agents, calls, matrix, decimals, fill = 1, upTo }) {
  const folder = await mkdtemp(join(tmpdir(), 'agents-day-'))
  const resetAt = (minutes) => Math.floor(Date.now() / 1000) + minutes * 60
  // The day is measured by the figure before it is rounded to be told.
  const twin = await rooms.startTwin({ keepRequests: 1, planUse: { ...PLAN_USE, holds: { primary: (HOLDS_A_CALL.primary * calls) / fill, secondary: (HOLDS_A_CALL.secondary * calls) / fill }, ...(decimals === undefined ? {} : { decimals }) } })
  twin.setRateLimits(Object.fromEntries(Object.entries(WINDOWS).map(([name, window]) => [name, { ...window, reset_at: resetAt(window.window_minutes) }])))
  const token_file_path = join(folder, 'token.json')
  await writeFile(token_file_path, JSON.stringify(twin.issueTokens()), { mode: 0o600 })
  // A model takes its time between the first event, where the windows are told, and the last, where the answer is counted.
  twin.enqueue(...Array.from({ length: calls }, () => ({ stallAfterEvents: 1, stallMs: ANSWER_MS })))
  const file = join(folder, 'day.jsonl')
  const recorder = await rooms.openCallRecorder(file, { warn: (message) => { throw new Error(message) } })
  const mounted = await rooms.mountOnHost({
    config: { base_url: twin.baseUrl, issuer: twin.issuer, token_file_path, matrix, max_concurrency: agents },
    parts: { warn: () => undefined }, prepare: recorder.attach,
  })
  try {
    const share = (place) => Math.floor(calls / agents) + (place < calls % agents ? 1 : 0)
    const working = Array.from({ length: agents }, (_, place) => {
      const work = workOf(createRandom(seed, `agent ${place}`), `${seed}-${place}`, share(place))
      return { work, next: work.next(), served: 0, most: upTo?.[place] ?? calls }
    })
    let usedUp = false
    const random = createRandom(seed, 'moments')
    // A day in a minute: of its agents some call at the same time, and it goes on when they have their answers.
    const hasWork = ({ next, served, most }) => !usedUp && !next.done && served < most
    while (working.some(hasWork)) {
      const calling = working.filter((agent) => hasWork(agent) && random.chance(0.4))
      await Promise.all(calling.map(async (agent) => {
        const { role, request } = agent.next.value
        const answer = await mounted.provider.delegate(role, request).response().catch((error) => {
          if (error.name !== 'QuotaExceededError') throw error
          usedUp = true
        })
        if (answer === undefined) return
        agent.served += 1
        agent.next = agent.work.next(answer.content.map((block) => (block.type === 'text' ? block.text : '')).join(''))
      }))
    }
    await mounted.close()
    await recorder.close()
    return { text: await readFile(file, 'utf8'), percent: twin.planUse(), served: working.map(({ served }) => served) }
  } finally {
    await mounted.close()
    await twin.close()
    await rm(folder, { recursive: true, force: true })
  }
}

/**
 * Records the day under one matrix, predicts it under another, runs the calls that were served there, and compares.
 * @returns rows of [measure, predicted, measured, difference in percent]
 */
export async function compareDays(rooms, { from, to, ...day }) {
  const first = await runDay(rooms, { ...day, matrix: from })
  const predicted = await rooms.replayRecording({
    records: rooms.readRecording(first.text, 'day.jsonl'),
    matrix: rooms.composeEffectiveMatrix(await rooms.loadMatrix(to)),
    plan: { providers: [{ module: 'provider-openai-chatgpt', id: 'openai-chatgpt' }] },
  })
  const second = await runDay(rooms, { ...day, matrix: to, upTo: first.served })
  const measured = sumTokens(rooms.readRecording(second.text, 'day.jsonl'))
  const row = (name, guess, truth) => [name, guess, truth, truth === 0 ? (guess === 0 ? 0 : Infinity) : (100 * (guess - truth)) / truth]
  const minutes = { primary: 300, secondary: 10_080 }
  return {
    predicted,
    recordedPercent: first.percent,
    calls: first.served.reduce((sum, served) => sum + served, 0),
    rows: [
      ...Object.entries(measured).map(([key, count]) => row(key, predicted.total.predicted.tokens[key], count)),
      ...Object.entries(second.percent).map(([name, percent]) =>
        row(`${name} window, %`, predicted.total.predicted.percent[predicted.windows.findIndex((window) => window.window_minutes === minutes[name])], percent)),
    ],
    text: first.text,
  }
}

function sumTokens(records) {
  const sum = { input_tokens: 0, cached_tokens: 0, output_tokens: 0, reasoning_tokens: 0 }
  for (const { tokens } of records) for (const key of Object.keys(sum)) sum[key] += tokens?.[key] ?? 0
  return sum
}
