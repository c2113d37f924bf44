import type { Command } from 'commander'
import { ConfigurationError } from '../contract/index.js'
import { suggestName } from '../lib/index.js'
import type { Action } from './command-context.js'
import { EXIT } from './exit-codes.js'

/** What may follow the words of one command. */
interface Node {
  /** the commands that lead here, without the program's name */
  path: readonly string[]
  words: readonly { word: string; description: string }[]
}

const SHELLS: Readonly<Record<string, (program: string, nodes: readonly Node[]) => string>> = { bash: formatBash, zsh: formatZsh, fish: formatFish }

/** The script that a shell is given to complete commands and options of `program`. */
export function createCompletion(program: Command): Action {
  return ({ terminal }, _flags, [shell = '']) => {
    const format = SHELLS[shell]
    if (!format) {
      const meant = suggestName(shell, Object.keys(SHELLS))
      throw new ConfigurationError(`completion takes ${Object.keys(SHELLS).join(', ')}, found ${JSON.stringify(shell)}${meant === undefined ? '' : `; did you mean ${meant}?`}`, { code: 'usage' })
    }
    terminal.stdout.write(format(program.name(), listNodes(program)))
    return Promise.resolve(EXIT.ok)
  }
}

function listNodes(command: Command, path: readonly string[] = []): Node[] {
  const words = [
    ...command.commands.map((inner) => ({ word: inner.name(), description: inner.description() })),
    ...command.options.map((option) => ({ word: option.long ?? option.short ?? '', description: option.description })),
    { word: '--help', description: 'display help for command' },
  ].map(({ word, description }) => ({ word, description: description.split(/[;:]/)[0] ?? '' }))
  return [{ path, words }, ...command.commands.flatMap((inner) => listNodes(inner, [...path, inner.name()]))]
}

/** In single quotes, for a shell. */
const quote = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`

/** The names by which a shell's completion function knows what was typed. */
interface TypedWords {
  /** of the array of words */
  words: string
  /** of the index of the one under the cursor, and of the first after the program's */
  current: string
  first: number
  /** of the variable that gets the words of the command so far; `path` is special in zsh */
  path: string
}

/** Walks what was typed to the innermost known command, and runs that command's case. */
function walkWords(nodes: readonly Node[], { words, current, first, path }: TypedWords, answer: (words: Node['words']) => string): string {
  const known = nodes.filter((node) => node.path.length > 0).map((node) => quote(node.path.join(' ')))
  const cases = nodes.map((node) => `    ${quote(node.path.join(' '))}) ${answer(node.words)} ;;`)
  return `  for ((index = ${first}; index < ${current}; index++)); do
    word="\${${path}:+$${path} }\${${words}[index]}"
    case "$word" in
    ${known.join('|')}) ${path}="$word" ;;
    esac
  done
  case "$${path}" in
${cases.join('\n')}
  esac`
}

function formatBash(program: string, nodes: readonly Node[]): string {
  return `# ${program} for bash: source <(${program} completion bash)
_amplifier_chatgpt() {
  local path='' word words='' index
${walkWords(nodes, { words: 'COMP_WORDS', current: 'COMP_CWORD', first: 1, path: 'path' }, (words) => `words=${quote(words.map(({ word }) => word).join(' '))}`)}
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}")
}
complete -o default -F _amplifier_chatgpt ${program}
`
}

function formatZsh(program: string, nodes: readonly Node[]): string {
  const describe = ({ word, description }: Node['words'][number]) => quote(`${word.replaceAll(':', '\\:')}:${description}`)
  return `#compdef ${program}
# ${program} for zsh: source <(${program} completion zsh)
_amplifier_chatgpt() {
  local path_words='' word index
  local -a list
${walkWords(nodes, { words: 'words', current: 'CURRENT', first: 2, path: 'path_words' }, (words) => `list=(${words.map(describe).join(' ')})`)}
  _describe 'command' list || _files
}
compdef _amplifier_chatgpt ${program}
`
}

function formatFish(program: string, nodes: readonly Node[]): string {
  const lines = nodes.flatMap(({ path, words }) => {
    const children = nodes.filter((other) => other.path.length === path.length + 1 && path.every((word, index) => other.path[index] === word)).map((other) => other.path.at(-1))
    const seen = path.map((word) => `__fish_seen_subcommand_from ${word}`)
    const unseen = children.length > 0 ? [`not __fish_seen_subcommand_from ${children.join(' ')}`] : []
    const condition = [...seen, ...unseen].join('; and ')
    return words.map(({ word, description }) => {
      const what = word.startsWith('--') ? `-l ${word.slice(2)}` : `-f -a ${word}`
      return `complete -c ${program}${condition === '' ? '' : ` -n ${quote(condition)}`} ${what} -d ${quote(description)}`
    })
  })
  return `# ${program} for fish: ${program} completion fish > ~/.config/fish/completions/${program}.fish\n${lines.join('\n')}\n`
}
