import { expect, test } from 'vitest'
import { NOT_ACCEPTED_CODES, RETRY_TABLE, type AttemptPhase } from '../../src/responses/index.js'

const PHASES: Record<AttemptPhase, string> = {
  unsent: 'not sent whole', sent: 'sent, nothing heard', answered: 'answered before it was accepted', accepted: 'accepted', output: 'output shown',
}

/** docs/retries.md, made from the table that the code reads; `npx vitest run -u test/responses/retry-table.test.ts` writes it anew. */
function renderPage(): string {
  const rows = RETRY_TABLE.map(({ failure, phases, repeat, mayHaveRun, why }) =>
    `| ${failure} | ${phases.map((phase) => PHASES[phase]).join('; ')} | ${repeat.replaceAll('_', ' ')} | ${mayHaveRun ? '`may_have_run: true`' : 'as it is'} | ${why} |`)
  return [
    '# When a request is sent again', '',
    'Only where it is proven that it did not run. The official client also repeats after 5xx, cuts and failed answers; here those surface, as',
    'a request that may have run is the caller\'s to send again. The first row that fits decides. Errors with `may_have_run: true` are not taken to another candidate',
    'of a delegation, nor repeated by the AI SDK; over HTTP they answer 424, which clients do not repeat by themselves.', '',
    '| failure | how far it had come | sent again | surfaces | why |', '| --- | --- | --- | --- | --- |', ...rows, '',
    '`after wait`: after the time that the backend names (60 s at most), else after a backoff; with `patiently` (5, 30, 120 s) and `once` it uses up',
    '`max_retries`. The other ways go at once: `refreshed`, `without reasoning` and `over http` once in a call, `reconnected` twice.', '',
    `Codes that mean "not accepted": ${NOT_ACCEPTED_CODES.map((code) => `\`${code}\``).join(', ')}.`, '',
  ].join('\n')
}

test('the page says what the table says', async () => {
  await expect(renderPage()).toMatchFileSnapshot('../../docs/retries.md')
})
