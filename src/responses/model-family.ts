/**
 * The models that can read each other's encrypted reasoning, as one word for its provenance.
 *
 * A family is the slug without what changes no model: effort and `-fast` suffixes, `-codex`, `-chat`,
 * `-latest`, `-preview` and a date. Sizes and siblings (`-mini`, `-pro`, `-sol`, …) stay apart: nobody
 * documents that they read each other, a wrong guess costs a refused request, and a right one would
 * only save reasoning over a change of model. `gpt-5.5-codex-fast` is `gpt-5.5`, `gpt-5.4-mini` itself.
 */
export function modelFamily(slug: string): string {
  const family = slug
    .toLowerCase()
    .replace(/:.*$/, '')
    .replace(/-\d{4}-?\d{2}-?\d{2}(?=-|$)/, '')
    .replace(/-(?:fast|codex|chat|latest|preview)(?=-|$)/g, '')
  return family === '' ? slug : family
}
