/**
 * documents/ owns how a text becomes values: YAML, TOML and front matter, bounded in size and depth, each value with its
 * place and whose text it is. It refuses to know what the values mean: no option, no role, no mount plan.
 */
export { createBudget } from './budget.js'
export type { Budget } from './budget.js'
export { describeValue } from './describe-value.js'
export { buildFindingsError, describeFinding, MAX_FINDINGS } from './finding.js'
export type { Finding, FindingPlace } from './finding.js'
export { findSchemaProblems, listSchemaProblems } from './find-schema-problems.js'
export type { SchemaProblem } from './find-schema-problems.js'
export { mergeMappings } from './merge-mappings.js'
export { namesFile } from './names-file.js'
export { attachOrigins, copyWithOrigins, describeOrigin, listOrigins, noteOwnOrigin, ORIGIN, originOf, originsOf, ownOriginOf } from './origin.js'
export type { Origin, OriginMap, Place, Shadowed, Whose } from './origin.js'
export type { ParseResult, Source } from './parse-result.js'
export { findPlace, formatPath } from './path.js'
export type { DocumentPath } from './path.js'
export { parseDocument, readDocument } from './read-document.js'
export type { ParsedFile, ParsedText } from './read-document.js'
export { readPointer } from './read-pointer.js'
export { readDocumentText } from './read-text.js'
export { setInYaml } from './set-in-yaml.js'
