import { ANSWER_CHECKS } from './answer-checks.js'
import { BEHAVIOUR_CHECKS } from './behaviour-checks.js'
import { FAILURE_CHECKS } from './failure-checks.js'
import type { Check } from './types.js'

export const CHECKS: readonly Check[] = [...ANSWER_CHECKS, ...FAILURE_CHECKS, ...BEHAVIOUR_CHECKS]
/** every check in the report's order, for `skip` */
export const CHECK_NAMES: readonly string[] = CHECKS.map(({ name }) => name)
