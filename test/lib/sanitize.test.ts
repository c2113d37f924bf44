import { expect, test } from 'vitest'
import { sanitizeLine, sanitizeText, stringifyPrintable } from '../../src/lib/index.js'

const EVERY = Array.from({ length: 0x300 }, (_, code) => String.fromCharCode(code)).join('')
const controls = (text: string): string[] => [...text].filter((found) => {
  const code = found.charCodeAt(0)
  return code < 0x20 || (code >= 0x7f && code <= 0x9f)
})

test('of every control character only line breaks and tabs stay in text, and none in a line', () => {
  expect(controls(EVERY)).toHaveLength(65)
  expect(controls(sanitizeText(EVERY))).toEqual(['\t', '\n'])
  expect(controls(sanitizeLine(EVERY))).toEqual([])
})

test('everything else stays as it is, and what goes is shown', () => {
  expect(sanitizeText('Füße 日本語 🙂 → a\r\nb\tc')).toBe('Füße 日本語 🙂 → a\nb\tc')
  expect(sanitizeText('\u001b]52;c;cm0=\u0007 x\u007f\u009b2K')).toBe('␛]52;c;cm0=␇ x␡\ufffd2K')
  expect(sanitizeLine('one\r\ntwo\tthree\n')).toBe('one two three ')
})

test('text that comes in pieces reads as the whole, wherever it is cut', () => {
  const text = 'a\r\nb\u001b[2Kc\u0085🙂\td'
  for (let cut = 0; cut <= text.length; cut++) {
    expect(sanitizeText(text.slice(0, cut)) + sanitizeText(text.slice(cut))).toBe(sanitizeText(text))
  }
})

test('JSON keeps its value and shows no control character raw', () => {
  const value = { [EVERY]: [EVERY, 1, null] }
  for (const indent of [undefined, 2]) {
    const text = stringifyPrintable(value, indent)
    expect(new Set(controls(text))).toEqual(new Set(indent === undefined ? [] : ['\n']))
    expect(JSON.parse(text)).toEqual(value)
  }
})
