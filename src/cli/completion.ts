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

function formatBash(program: string, nodes: readonly Node[]): string {
  const cases = nodes.map(({ path, words }) => `    ${quote(path.join(' '))}) words=${quote(words.map(({ word }) => word).join(' '))} ;;`)
  const known = nodes.filter(({ path }) => path.length > 0).map(({ path }) => quote(path.join(' ')))
  return `# ${program} for bash: source <(${program} completion bash)
_amplifier_chatgpt() {
  local path='' word words='' index
  for ((index = 1; index < COMP_CWORD; index++)); do
    word="\${path:+$path }\${COMP_WORDS[index]}"
    case "$word" in
    ${known.join('|')}) path="$word" ;;
    esac
  done
  case "$path" in
${cases.join('\n')}
  esac
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}")
}
complete -o default -F _amplifier_chatgpt ${program}
`
}

function formatZsh(program: string, nodes: readonly Node[]): string {
  const cases = nodes.map(({ path, words }) =>
    `    ${quote(path.join(' '))}) list=(${words.map(({ word, description }) => quote(`${word.replaceAll(':', '\\:')}:${description}`)).join(' ')}) ;;`)
  const known = nodes.filter(({ path }) => path.length > 0).map(({ path }) => quote(path.join(' ')))
  return `#compdef ${program}
# ${program} for zsh: source <(${program} completion zsh)
_amplifier_chatgpt() {
  local path_words='' word index
  local -a list
  for ((index = 2; index < CURRENT; index++)); do
    word="\${path_words:+$path_words }\${words[index]}"
    case "$word" in
    ${known.join('|')}) path_words="$word" ;;
    esac
  done
  case "$path_words" in
${cases.join('\n')}
  esac
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
