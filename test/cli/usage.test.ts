import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openCommandLine, type CommandLine } from './support.js'

describe('usage', () => {
  let cli: CommandLine
  beforeAll(async () => {
    cli = await openCommandLine()
    await cli.run(['login', '--device'])
  })
  afterAll(() => cli.close())

  test('says what records, before anything has been', async () => {
    const { code, stdout } = await cli.run(['usage'])
    expect([code, stdout]).toEqual([0, expect.stringContaining('No call has been recorded yet')])
  })

  test('adds up what run has asked, equal to what the server counted', async () => {
    cli.twin.enqueue({ usage: { input_tokens: 1000, input_tokens_details: { cached_tokens: 600 }, output_tokens: 50, output_tokens_details: { reasoning_tokens: 20 }, total_tokens: 1050 }, text: 'one' })
    await cli.run(['run', 'hello', '--role', 'coding'])
    cli.twin.enqueue({ usage: { input_tokens: 100, input_tokens_details: { cached_tokens: 0 }, output_tokens: 5, output_tokens_details: { reasoning_tokens: 0 }, total_tokens: 105 }, text: 'two' })
    await cli.run(['run', 'hello', '--model', 'gpt-5.5'])
    const { rows } = JSON.parse((await cli.run(['usage', '--by', 'role', '--json'])).stdout) as { rows: Record<string, unknown>[] }
    expect(rows.map(({ name, calls, fresh_tokens, cached_tokens, reasoning_tokens, output_tokens }) => [name, calls, fresh_tokens, cached_tokens, reasoning_tokens, output_tokens])).toEqual([
      ['coding', 1, 400, 600, 20, 50], ['', 1, 100, 0, 0, 5],
    ])
    expect(rows.map(({ share_percent }) => share_percent)).toEqual([86, 14])
  })

  test('fits a terminal of 80 columns, with bars', async () => {
    const { stdout } = await cli.run(['usage', '--by', 'model'], { tty: true, columns: 80 })
    const lines = stdout.replaceAll(/\u001b\[\d+m/g, '').split('\n')
    const table = lines.slice(lines.findIndex((line) => line.startsWith('model')))
    expect(Math.max(...table.map((line) => [...line].length))).toBeLessThanOrEqual(80)
    expect(stdout).toContain('████')
  })

  test('writes comma-separated values, and refuses what it does not know by name', async () => {
    const { stdout } = await cli.run(['usage', '--by', 'day', '--since', '24h', '--csv'])
    const [head, row] = stdout.split('\r\n')
    expect(head?.split(',').slice(0, 3)).toEqual(['day', 'calls', 'errors'])
    expect(row?.split(',').slice(0, 3)).toEqual([new Date().toISOString().slice(0, 10), '2', '0'])
    for (const words of [['--by', 'mood'], ['--since', 'yesterday']]) expect((await cli.run(['usage', ...words])).code).toBe(2)
  })

  test('usage_totals: false keeps nothing', async () => {
    await cli.run(['run', 'hello', '--config', 'usage_totals=false'])
    const { rows } = JSON.parse((await cli.run(['usage', '--by', 'day', '--json'])).stdout) as { rows: { calls: number }[] }
    expect(rows.map(({ calls }) => calls)).toEqual([2])
  })
})
