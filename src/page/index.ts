/**
 * page/ owns the page that a person watches in a browser, and the figures that programs scrape: its files, what it is told, who may see
 * it. It refuses to know the provider and the wire: what it shows comes from functions it is given.
 */
export { createPage } from './create-page.js'
export type { Page, PageOptions, PageState } from './create-page.js'
