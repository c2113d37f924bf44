import { expect, test } from 'vitest'
import { addDecimals, decimalText } from '../../src/lib/index.js'

test('whole units become a decimal without zeros at its end, and decimals add up to the last place', () => {
  expect([decimalText(0n, 12), decimalText(1n, 12), decimalText(1_500_000_000_000n, 12), decimalText(25n, 1)]).toEqual(['0', '0.000000000001', '1.5', '2.5'])
  expect([addDecimals('0.1', '0.2'), addDecimals('1.5', '2'), addDecimals('3', '4'), addDecimals('0.99', '0.0100')]).toEqual(['0.3', '3.5', '7', '1'])
})
