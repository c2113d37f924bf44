/** The ways to be let in: who pays, and by what rules. */

/** Declared by the lane, never inferred. */
export type Billing = 'plan' | 'metered'

interface LaneRow {
  billing: Billing
  /** the `auth_mode` of its records */
  authMode: string
  /** other words for it, in options and in records; the first is the one that hosts are shown */
  aliases: readonly string[]
  /** of `amplifier-chatgpt login` */
  loginFlag: string
  /** where its calls go by default */
  baseUrl: string
  /** of the name of its credential file, so that lanes never mix */
  fileStem: string
  /** a mount at a terminal may ask for a sign-in by device code */
  deviceLogin: boolean
  /** how hosts may let the user sign in, as a provider's capabilities say it: `auth_status()` and `login()` of the Python package, `login` of the command line */
  signIn: readonly string[]
  /** before its list of models was read, the built-in one stands in */
  fallbackModels: boolean
  /** the backend has an endpoint for the account's own figures */
  accountUsage: boolean
  /** takes compressed request bodies over https, as far as is known */
  compression: boolean
  /** fields of a request that it takes beside those that all take; a metered lane takes the metered API's too */
  takesFields: readonly string[]
  /** fields that it answers 400 to, beside those of other APIs and, where it is not metered, of the metered one */
  refusesFields: readonly string[]
  /** kinds of tool that it answers 400 to */
  refusesTools: readonly string[]
  /**
   * How a long history is compacted. `trigger`: by a call whose input ends with a `compaction_trigger` · `inline`: within
   * an answer, asked for by `context_management`, by the models whose names fit. A lane of which nothing is known has neither.
   */
  compaction: { trigger: boolean; inline?: RegExp }
}

/** A new lane is a row here, and its sign-in in `auth/`. */
export const LANES = {
  codex: {
    billing: 'plan', authMode: 'oauth', aliases: ['chatgpt_codex', 'legacy_codex', 'oauth'], loginFlag: '', baseUrl: 'https://chatgpt.com/backend-api/codex',
    // The original module's own name.
    fileStem: 'openai-chatgpt-oauth',
    deviceLogin: true, signIn: ['auth:oauth_device_code'], fallbackModels: true, accountUsage: true, compression: true,
    takesFields: ['access_programs', 'context_management'], refusesFields: [], refusesTools: [],
    // As other clients saw it in August and September 2026.
    compaction: { trigger: true, inline: /^gpt-(?:5\.6|6-astra)(?:-|$)/ },
  },
  plan: {
    billing: 'plan', authMode: 'chatgpt_plan', aliases: ['chatgpt_plan'], loginFlag: ' --plan', baseUrl: 'https://api.openai.com/v1',
    fileStem: 'openai-chatgpt-plan', deviceLogin: false, signIn: ['auth:oauth_pkce'], fallbackModels: false, accountUsage: false, compression: false,
    takesFields: [], refusesFields: ['prompt_cache_breakpoint', 'context_management'],
    // Answered with `subscription_sharing_unsupported_capability`.
    refusesTools: [
      'image_generation', 'file_search', 'code_interpreter', 'computer_use', 'computer_use_preview', 'computer', 'mcp', 'tool_search',
      'local_shell', 'shell',
    ],
    compaction: { trigger: false },
  },
  api_key: {
    billing: 'metered', authMode: 'api_key', aliases: [], loginFlag: ' --api-key', baseUrl: 'https://api.openai.com/v1',
    fileStem: 'openai-chatgpt-api-key', deviceLogin: false, signIn: [], fallbackModels: true, accountUsage: false, compression: false, takesFields: ['context_management'], refusesFields: [], refusesTools: [],
    compaction: { trigger: false, inline: /^/ },
  },
} as const satisfies Record<string, LaneRow>

export type LaneName = keyof typeof LANES

export const LANE_NAMES = Object.keys(LANES) as readonly LaneName[]

/** The row by name, with its widest types. */
export function laneRow(lane: LaneName): LaneRow {
  return LANES[lane]
}

/** Every word for a lane to its name. */
export const LANE_WORDS: Readonly<Record<string, LaneName>> = Object.fromEntries(
  LANE_NAMES.flatMap((name) => [name, ...LANES[name].aliases].map((word) => [word, name])),
)
