/**
 * documents/ owns how a text becomes values: YAML, TOML and front matter, bounded in size and depth, each value with its
 * place and whose text it is. It refuses to know what the values mean: no option, no role, no mount plan.
 */
export { describeValue } from './describe-value.js'
export { buildFindingsError, describeFinding } from './finding.js'
export type { Finding, FindingPlace } from './finding.js'
export { findPlace, findSchemaProblems } from './find-schema-problems.js'
export { mergeMappings } from './merge-mappings.js'
export { namesFile } from './names-file.js'
export { attachOrigins, copyWithOrigins, describeOrigin, listOrigins, ORIGIN, originOf, originsOf } from './origin.js'
export type { Origin, OriginMap, Place, Shadowed, Whose } from './origin.js'
export { MAX_NESTING } from './parsed.js'
export type { Parsed, Source } from './parsed.js'
export { parseConfigFile } from './read-document.js'
export { readPointer } from './read-pointer.js'
export { readYamlTokens } from './yaml-tokens.js'
