export interface Column {
  title: string
  align?: 'left' | 'right'
}

export interface TableOptions {
  indent?: string
  /** characters that a line may have; default any number */
  width?: number
}

const ESCAPES = /\u001b\[\d+m/g
const ESCAPE = /^\u001b\[\d+m$/
const GAP = 2
/** A column whose words have to be cut is not made narrower than this, or than it is. */
const NARROWEST = 8
/** Where a cell may be broken: at a colour or a space, which stand alone, and behind a sign that joins words. */
const BREAKS = /(\u001b\[\d+m| )|(?<=[/=,])/

/**
 * Lines of a table whose columns are as wide as their widest cell; colours in cells don't count. Where that is wider
 * than `width` the widest columns give way, and their cells go on in the next line; words are cut only where no other way is left.
 */
export function formatTable(columns: readonly Column[], rows: readonly (readonly string[])[], { indent = '', width = Infinity }: TableOptions = {}): string[] {
  const natural = columns.map((column, index) => Math.max(lengthOf(column.title), ...rows.map((row) => lengthOf(row[index] ?? ''))))
  const whole = columns.map((column, index) => Math.max(longestPiece(column.title), ...rows.map((row) => longestPiece(row[index] ?? ''))))
  const widths = narrow(natural, whole, width - indent.length - GAP * (columns.length - 1))
  const line = (cells: readonly string[]) =>
    (indent + cells.map((cell, index) => {
      const padding = ' '.repeat(Math.max(0, (widths[index] ?? 0) - lengthOf(cell)))
      return columns[index]?.align === 'right' ? padding + cell : cell + padding
    }).join(' '.repeat(GAP))).trimEnd()
  const lines = (cells: readonly string[]): string[] => {
    const wrapped = columns.map((_, index) => wrap(cells[index] ?? '', widths[index] ?? 0))
    const height = Math.max(1, ...wrapped.map((pieces) => pieces.length))
    return Array.from({ length: height }, (_, at) => line(wrapped.map((pieces) => pieces[at] ?? '')))
  }
  return [...lines(columns.map((column) => column.title)), line(widths.map((size) => '─'.repeat(size))), ...rows.flatMap(lines)]
}

const lengthOf = (text: string): number => [...text.replace(ESCAPES, '')].length

const piecesOf = (cell: string): string[] => cell.split(BREAKS).filter((piece) => piece !== undefined && piece !== '')
const longestPiece = (cell: string): number => Math.max(0, ...piecesOf(cell).map(lengthOf))

/** The widest that can gives way first, so that short columns stay whole; below its longest word a column goes only once all are there. */
function narrow(natural: readonly number[], whole: readonly number[], room: number): number[] {
  const widths = [...natural]
  let over = widths.reduce((sum, size) => sum + size, 0) - room
  for (const floors of [whole, whole.map(() => NARROWEST)]) {
    for (; over > 0; over--) {
      const yielding = widths.map((size, index) => (size > (floors[index] ?? 0) ? size : 0))
      const widest = Math.max(...yielding)
      if (widest === 0) break
      widths[yielding.indexOf(widest)] = widest - 1
    }
  }
  return widths
}

/** A text in lines of at most `width` characters, broken between words where there are any; a colour ends and begins with its line. */
export function wrap(text: string, width: number): string[] {
  if (lengthOf(text) <= width) return [text]
  const lines: string[] = []
  let line: string[] = []
  let open: string[] = []
  const close = () => {
    lines.push(line.join('') + (open.length > 0 ? '\u001b[0m' : ''))
    line = [...open]
  }
  const sizeOf = () => lengthOf(line.join(''))
  for (const piece of piecesOf(text)) {
    if (ESCAPE.test(piece)) {
      open = endsColour(piece) ? [] : [...open, piece]
      line.push(piece)
    } else if (piece === ' ' && sizeOf() === 0) continue
    else {
      if (sizeOf() > 0 && sizeOf() + lengthOf(piece) > width) close()
      if (piece === ' ' && sizeOf() === 0) continue
      for (const letter of piece) {
        if (sizeOf() >= width) close()
        line.push(letter)
      }
    }
  }
  close()
  return lines.map((text) => text.trimEnd())
}

/** 0, 22 and 39 end what this program opens. */
const endsColour = (escape: string): boolean => /\[(?:0|22|39)m/.test(escape)
