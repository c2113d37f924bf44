import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { EVENTS } from '../src/contract/index.js'
import * as errors from '../src/contract/errors.js'
import { KNOWN_ROLES } from '../src/routing/index.js'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const readme = readFileSync(join(root, 'README.md'), 'utf8')

const snippets = (language: string): string[] =>
  [...readme.matchAll(new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``, 'g'))].map((match) => match[1] as string)

describe('the README', () => {
  test('its two commands are scripts of the package', () => {
    const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: Record<string, string> }
    expect(snippets('sh').slice(0, 2)).toEqual(['npm ci && npm start\n', 'npm ci && npm test\n'])
    expect(scripts.start).toContain('demo')
    expect(scripts.test).toBeDefined()
  })

  test('its pages name every role, every event and every kind of error', () => {
    const page = (name: string) => readFileSync(join(root, 'docs', name), 'utf8')
    for (const role of KNOWN_ROLES) expect(page('routing.md')).toContain(role)
    for (const event of Object.values(EVENTS)) expect(page('events.md')).toContain(`\`${event}\``)
    const kinds = Object.keys(errors).filter((name) => /^[A-Z]\w+Error$/.test(name) && name !== 'LLMError')
    for (const kind of kinds) expect(page('troubleshooting.md')).toContain(`\`${kind}\``)
  })

  test('every page of docs/ can be reached from it', () => {
    const reached = new Set<string>()
    const follow = (file: string) => {
      if (reached.has(file)) return
      reached.add(file)
      for (const [, target] of readFileSync(join(root, file), 'utf8').matchAll(/\]\((?!https?:|#)([^)#\s]+)[^)]*\)/g)) {
        const next = join(dirname(file), target as string)
        if (next.endsWith('.md') && existsSync(join(root, next))) follow(next)
      }
    }
    follow('README.md')
    const pages = readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.md')).map((name) => join('docs', name))
    expect(pages.filter((name) => !reached.has(name))).toEqual([])
  })

  test('every dependency has its line', () => {
    const pack = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Record<string, Record<string, string>>
    const names = [...Object.keys(pack.dependencies ?? {}), ...Object.keys(pack.optionalDependencies ?? {}), ...Object.keys(pack.peerDependencies ?? {})]
    expect(names.filter((name) => !readme.includes(`\`${name}\``))).toEqual([])
  })
})
