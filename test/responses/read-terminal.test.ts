import { expect, test } from 'vitest'
import { readTerminal } from '../../src/responses/read-terminal.js'

/** Found by `npm run fuzz` (seed 202): a status that cannot become a text failed its answer untyped. */
test.each([
  ['in_progress', 'in_progress'], [{ toString: 'x' }, '{"toString":"x"}'], [7, '7'], ['x'.repeat(5000), 'x'.repeat(100)],
])('an answer that is called completed with another status inside has failed: %j', (status, told) => {
  expect(readTerminal({ type: 'response.completed', response: { status } })).toEqual({ kind: 'failed', failure: { source: 'terminal', message: `the answer ended with status ${told}` } })
})
