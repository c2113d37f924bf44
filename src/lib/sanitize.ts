/**
 * Text of others (a model's, a server's, a file's) as it may be shown on a terminal or written to a log. A terminal
 * obeys control characters: `ESC ] 52` writes the clipboard, `ESC [ 2K` and a carriage return take back what was
 * shown. Unicode's category Cc is exactly C0, DEL and C1.
 */
const CONTROL = /\p{Cc}/gu

/** The same text with its line breaks and tabs, every other control character shown as a symbol; `\r` goes. */
export function sanitizeText(text: string): string {
  return text.replace(CONTROL, (found) => (found === '\n' || found === '\t' ? found : showControl(found)))
}

/** As {@link sanitizeText} on one line: line breaks and tabs read as a space. For messages, log lines and table cells. */
export function sanitizeLine(text: string): string {
  return text.replace(CONTROL, (found) => (found === '\n' || found === '\t' ? ' ' : showControl(found)))
}

/** `value` as JSON text in which no control character stands raw: `JSON.stringify` leaves DEL and C1 as they are. */
export function stringifyPrintable(value: unknown, indent?: number): string {
  const text = JSON.stringify(value, undefined, indent) ?? 'null'
  return text.replace(CONTROL, (found) => (found === '\n' ? found : `\\u${found.charCodeAt(0).toString(16).padStart(4, '0')}`))
}

/** A symbol of Unicode's control pictures, which has C0 and DEL; C1 reads as the replacement character. */
function showControl(control: string): string {
  if (control === '\r') return ''
  const code = control.charCodeAt(0)
  if (code < 0x20) return String.fromCharCode(0x2400 + code)
  return code === 0x7f ? '\u2421' : '\ufffd'
}
