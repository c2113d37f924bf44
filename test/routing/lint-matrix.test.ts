import { describe, expect, test } from 'vitest'
import { lintMatrix, readMatrixSource } from '../../src/routing/index.js'

const HEAD = `name: m
roles:
  general:
    description: all
    candidates: [{provider: a, model: m}]
  fast:
    description: quick
    candidates: [{provider: a, model: s}]
`

/** Lints a role whose candidates are these lines; what the two required roles say is nothing. */
async function lintRole(candidates: string[], name = 'coding', options = {}) {
  const text = `${HEAD}  ${name}:\n    description: d\n    candidates:\n${candidates.map((line) => `      - {provider: a, ${line}}\n`).join('')}`
  return (await lintMatrix({ text, file: 'm.yaml' }, options)).map(({ rule, message, line, hint }) => ({ rule, message, line, hint }))
}

describe('lintMatrix', () => {
  test('has nothing to say about a good matrix', async () => {
    expect(await lintMatrix(HEAD)).toEqual([])
    expect(await lintRole(['model: "gpt-[0-9]*-sol"', 'model: gpt-5.5', 'model: gpt-5.4'])).toEqual([])
  })

  test('has nothing to say about our own matrix, and of the reference’s only what its globs are known for', async () => {
    const rules = async (name: string) => (await lintMatrix(await readMatrixSource(name, { home: '/nowhere' }))).map(({ rule, message }) => `${rule}: ${message}`)
    expect(await rules('openai-chatgpt')).toEqual([])
    expect(await rules('openai')).toEqual([])
  })

  test('a preset that cannot hold is an error where it stands; what has the wrong type in it a warning', async () => {
    const preset = 'preset:\n  axis: cheap\n  tier_ladder: {a: [[s]]}\n  delegation: {inherit: strict, report_unhonored: 1}\n'
    const findings = await lintMatrix({ text: preset + HEAD, file: 'm.yaml' })
    expect(findings.map(({ severity, rule, message, line }) => [line, severity, rule, message])).toEqual([
      [2, 'warning', 'preset-shape', 'preset.axis must be a list, found the text "cheap"'],
      [4, 'warning', 'preset-shape', 'preset.delegation.report_unhonored must be true or false, found the number 1'],
      [9, 'error', 'preset', "Role 'general' candidate 0 (a/m): model glob matches 0 rungs of the 'a' ladder, expected exactly 1."],
    ])
    const [unknown] = await lintMatrix(`preset: {delegation: {inherit: strikt}}\n${HEAD}`)
    expect(unknown).toMatchObject({ line: 1, severity: 'error', message: "preset.delegation.inherit='strikt' is not one of none, effort, tier-and-effort, strict." })
  })

  test('a scope is a list of distinct modules', async () => {
    expect(await lintMatrix(`provider_module_allowlist: [provider-openai-chatgpt]\n${HEAD}`)).toEqual([])
    const [wrong] = await lintMatrix(`provider_module_allowlist: [openai]\n${HEAD}`)
    expect(wrong).toMatchObject({ line: 1, severity: 'error', message: 'provider_module_allowlist is no list of distinct modules such as provider-openai-chatgpt, found the text "openai"' })
  })

  test('a finding has its file, line, column and a hint', async () => {
    const [finding] = await lintMatrix({ text: HEAD.replace('fast:', 'fsat:'), file: 'm.yaml' })
    expect(finding).toEqual({
      severity: 'error', rule: 'missing-role', file: 'm.yaml', line: 2, column: 1,
      message: 'roles: the role fast is missing; every matrix has general and fast',
      hint: 'agents without a better role fall back on general and fast',
    })
  })

  test('syntax errors, doubled keys and schema errors come with their places, in order', async () => {
    expect(await lintMatrix('name: x\nroles:\n\tgeneral: 1\n')).toMatchObject([{ severity: 'error', rule: 'yaml-syntax', line: 3, column: 1 }])
    expect(await lintMatrix(`${HEAD}  fast: {}\n`)).toMatchObject([{ severity: 'error', rule: 'duplicate-key', line: 9, column: 3 }])
    expect(await lintMatrix(HEAD.replace('model: m', 'modle: m').replace('quick', '[1]'))).toMatchObject([
      { severity: 'error', rule: 'schema', message: 'roles.general.candidates[0] needs model', line: 5, column: 18 },
      { severity: 'warning', rule: 'missing-description', line: 6 },
      { severity: 'error', rule: 'schema', message: 'roles.fast.description must be a text, found a list of 1 item', line: 7, column: 5 },
    ])
    expect(await lintMatrix('')).toMatchObject([{ severity: 'error', rule: 'schema', line: 1 }])
  })

  test('a role that is none of the 13 is named with the one that may be meant', async () => {
    expect(await lintRole(['model: m'], 'codng')).toEqual([
      { rule: 'unknown-role', message: 'codng is none of the 13 roles', line: 9, hint: 'did you mean coding?' },
    ])
    expect(await lintRole(['model: m'], 'translate-to-latin')).toMatchObject([{ rule: 'unknown-role', hint: 'keep it if agents of yours ask for it' }])
  })

  test('a slip in a key that may be left out is named with the key that may be meant', async () => {
    expect(await lintRole(['model: m, confg: {}'])).toEqual([
      { rule: 'unknown-key', message: 'roles.coding.candidates[0].confg means nothing here', line: 12, hint: 'did you mean config?' },
    ])
  })

  test('a role without candidates or description is pointed out', async () => {
    const findings = await lintMatrix(`${HEAD}  coding:\n    candidates: []\n`)
    expect(findings.map(({ rule, line }) => [rule, line])).toEqual([['missing-description', 9], ['empty-role', 9]])
  })

  test('duplicates are found in any case, other providers’ are none', async () => {
    expect(await lintRole(['model: gpt-5.5', 'model: GPT-5.5, config: {x: 1}'])).toMatchObject([{ rule: 'duplicate-candidate', line: 13 }])
    expect(await lintMatrix(`${HEAD}  coding: {description: d, candidates: [{provider: a, model: x}, {provider: b, model: x}]}\n`)).toEqual([])
  })

  test.each([
    ['gpt-*-sol', 'gpt-6-sol'],
    ['gpt-*-sol', 'gpt-[0-9]-sol'],
    ['gpt-?-sol', 'gpt-[5-6]-sol'],
    ['gpt-[0-9]*-sol', 'gpt-[56]*-sol'],
    ['*', 'anything*'],
    ['*-sol', '*-*-sol'],
    ['[!x]*', 'gpt-5.5'],
  ])('after %s nothing reaches %s', async (wide, narrow) => {
    const findings = await lintRole([`model: "${wide}"`, `model: "${narrow}"`])
    expect(findings.filter(({ rule }) => rule === 'unreachable-candidate')).toMatchObject([{ line: 13 }])
  })

  test.each([
    ['gpt-5.5', 'gpt-5.*'],
    ['gpt-?-sol', 'gpt-*-sol'],
    ['gpt-[0-9]*-sol', 'gpt-5.5'],
    ['*-sol', 'gpt-*'],
    ['gpt-[56]-sol', 'gpt-[5-7]-sol'],
    ['a*b', 'a'],
  ])('after %s something still reaches %s', async (first, second) => {
    const findings = await lintRole([`model: "${first}"`, `model: "${second}"`])
    expect(findings.filter(({ rule }) => rule === 'unreachable-candidate')).toEqual([])
  })

  test.each([
    ['gpt-?.?-mini', 'write gpt-[0-9]*.[0-9]*-mini'],
    ['gpt-5.?', 'write gpt-5.[0-9]*'],
    ['gpt-5.[0-9]-codex', 'write gpt-5.[0-9]*-codex'],
    ['o?-mini', 'write o[0-9]*-mini'],
  ])('%s cannot match a two-digit version', async (model, hint) => {
    const findings = await lintRole([`model: "${model}"`])
    expect(findings.filter(({ rule }) => rule === 'one-digit-version')).toMatchObject([{ line: 12, hint }])
  })

  test.each(['gpt-[0-9]*-sol', 'gpt-5.?*-sol', 'gpt-*-sol', 'gpt-5.[4-6]-sol', 'gpt-4?-sol', '*-20??????', 'claude-?pus-4'])(
    '%s matches two-digit versions, or means what it says', async (model) => {
      const findings = await lintRole([`model: "${model}"`])
      expect(findings.filter(({ rule }) => rule === 'one-digit-version')).toEqual([])
    })

  test.each([
    ['gpt-5*', 'gpt-5* also takes -mini, -fast, dated names'],
    ['gpt-[0-9]*-mini*', 'gpt-[0-9]*-mini* also takes -fast, dated names'],
    ['*', '* also takes -mini, -fast, dated names'],
    ['gpt-*-fast', undefined],
    ['gpt-[0-9]*-sol', undefined],
    ['gpt-5.?', undefined],
  ])('of names that %s takes besides its own, it says: %s', async (model, message) => {
    const findings = (await lintRole([`model: "${model}"`])).filter(({ rule }) => rule === 'broad-glob')
    expect(findings.map((finding) => finding.message)).toEqual(message === undefined ? [] : [message])
  })

  test('with the account’s models at hand a broad pattern is shown what it takes', async () => {
    const models = { a: ['gpt-5.5', 'gpt-5.4-mini', 'gpt-5.5-fast'] }
    expect(await lintRole(['model: gpt-5*'], 'coding', { models })).toMatchObject([
      { message: 'gpt-5* also takes -mini, -fast, dated names, here gpt-5.4-mini, gpt-5.5-fast' },
    ])
  })

  test('a value that is none of the provider’s choices is an error, an undeclared key passes', async () => {
    const configFields = { a: [{ id: 'reasoning_effort', field_type: 'choice', choices: ['low', 'high'] }, { id: 'name', field_type: 'text' }] }
    expect(await lintRole(['model: m, config: {reasoning_effort: extra_high, temperature: 2, name: 5}'], 'coding', { configFields })).toEqual([
      { rule: 'config-value', line: 12, message: 'reasoning_effort: "extra_high" is none of low, high', hint: 'one of low, high' },
    ])
  })

  test('an effort in the name is told where it belongs', async () => {
    expect(await lintRole(['model: "gpt-5.5:high"'])).toMatchObject([
      { rule: 'effort-in-name', hint: 'write gpt-5.5 with config: { reasoning_effort: high }' },
    ])
  })
})
