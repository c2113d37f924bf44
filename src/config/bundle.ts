import type { AgentPlan, JsonObject, MountPlan } from '../contract/index.js'
import type { Origin } from '../documents/index.js'

export interface Bundle {
  /** name, version and whatever else its `bundle` key says */
  bundle: JsonObject & { name: string; version?: string }
  /** everything but `bundle`, `includes` and `routing`; values know their origins */
  mountPlan: MountPlan
  /** the mount plan's agents */
  agents: Record<string, AgentPlan>
  /** the Markdown body; `${VAR}` in it is text like any other */
  instructions: string
  /** `{matrix?, overrides?}`, where the bundle has it */
  routing?: JsonObject
  warnings: string[]
  /** dotted path in the mount plan to the origin of its value */
  origins: Record<string, Origin>
  /** every file read, the bundle's own first */
  files: string[]
}
