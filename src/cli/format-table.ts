export interface Column {
  title: string
  align?: 'left' | 'right'
}

const ESCAPES = /\u001b\[\d+m/g

/** Lines of a table whose columns are as wide as their widest cell; colours in cells don't count. */
export function formatTable(columns: readonly Column[], rows: readonly (readonly string[])[], indent = ''): string[] {
  const width = (text: string) => [...text.replace(ESCAPES, '')].length
  const widths = columns.map((column, index) => Math.max(width(column.title), ...rows.map((row) => width(row[index] ?? ''))))
  const line = (cells: readonly string[]) =>
    (indent + cells.map((cell, index) => {
      const padding = ' '.repeat(Math.max(0, (widths[index] ?? 0) - width(cell)))
      return columns[index]?.align === 'right' ? padding + cell : cell + padding
    }).join('  ')).trimEnd()
  return [line(columns.map((column) => column.title)), line(widths.map((size) => '─'.repeat(size))), ...rows.map((row) => line(columns.map((_, index) => row[index] ?? '')))]
}
