/** What of the demo is shown, as lines. */
export function pickLines(output: string): string[] {
  const lines = output.trimEnd().split('\n').map((line) => line.replace(/127\.0\.0\.1:\d+/, '127.0.0.1:9009').replace(/ \/ \d+ ms/, ''))
  const end = lines.findIndex((line) => line.startsWith('scribe'))
  return lines.slice(0, end === -1 ? undefined : end - 1).map((line) => (line.length > WIDTH ? `${line.slice(0, WIDTH - 1)}…` : line))
}

const WIDTH = 96
const CELL = { width: 7.8, height: 18 }
const EDGE = 16

const escape = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')

/** docs/demo.svg: a terminal's window, readable in light and dark. */
export function renderDemoPicture(output: string): string {
  const lines = ['$ npm start', ...pickLines(output)]
  const width = Math.ceil(WIDTH * CELL.width + 2 * EDGE)
  const height = lines.length * CELL.height + 2 * EDGE
  const rows = lines.map((line, index) => {
    const className = index === 0 || /^\S/.test(line) ? ' class="strong"' : ''
    return `<text x="${EDGE}" y="${EDGE + 13 + index * CELL.height}"${className}>${escape(line)}</text>`
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="Output of the demo">
<style>rect{fill:#0d1117}text{font:13px ui-monospace,Menlo,Consolas,monospace;fill:#c9d1d9;white-space:pre}.strong{fill:#fff;font-weight:600}</style>
<rect width="${width}" height="${height}" rx="8"/>
${rows.join('\n')}
</svg>
`
}
