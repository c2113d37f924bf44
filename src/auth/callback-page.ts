export type CallbackOutcome =
  | { kind: 'signed_in'; detail?: string }
  | { kind: 'failed'; detail: string }
  | { kind: 'cancelled' }
  | { kind: 'refused' }

/** Nothing of the page is kept, sent on or run. */
export const CALLBACK_HEADERS: Readonly<Record<string, string>> = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  connection: 'close',
}

const WORDS: Readonly<Record<CallbackOutcome['kind'], readonly [title: string, text: string]>> = {
  signed_in: ['Signed in', 'You can close this window and go back to the terminal.'],
  failed: ['Sign-in failed', 'Nothing was changed. Go back to the terminal and try again.'],
  cancelled: ['Sign-in cancelled', 'A newer sign-in has taken its place.'],
  refused: ['Not accepted', 'This address takes the answer of one sign-in, once. Go back to the terminal and start anew.'],
}

/** The page a browser shows after the sign-in. */
export function renderCallbackPage(outcome: CallbackOutcome): string {
  const [title, text] = WORDS[outcome.kind]
  const detail = 'detail' in outcome && outcome.detail !== undefined ? `<p>${escapeHtml(outcome.detail)}</p>` : ''
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${title}</title>` +
    '<style>body{font:16px system-ui;max-width:34em;margin:15vh auto;padding:0 1em}</style></head>' +
    `<body><h1>${title}</h1>${detail}<p>${text}</p></body></html>`
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}
