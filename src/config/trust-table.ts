/**
 * Who may set an option. A bundle and the `.amplifier/settings*.yaml` of a working directory are somebody else's text:
 * they choose models and behaviour, never where credentials or prompts go, which files are read, or who pays.
 */
export interface TrustRow {
  /** `name`: a project may give a name, not a path · `roles`: a project may, within what its candidates' configs may hold */
  who: 'project' | 'user' | 'name' | 'roles'
  /** of a user's option: why no other may set it */
  why?: string
  /** a project may repeat what holds without it */
  same?: true
  /** never leaves the machine and selects nothing, so a project may use `${VAR}` here */
  local?: true
  /**
   * One of those that together say whose credentials go where. A caller without origins must have all of them from one
   * and the same entry of the user's: the key of one beside the address of another would hand the key over.
   */
  bound?: true
}

const PROJECT: TrustRow = { who: 'project' }
const LOCAL: TrustRow = { who: 'project', local: true }

/** Every option of the schema, older names included. An option without a row counts as {@link NO_ROW}. */
export const TRUST_TABLE: Readonly<Record<string, TrustRow>> = {
  default_model: PROJECT,
  reasoning_effort: PROJECT,
  reasoning_summary: PROJECT,
  text_verbosity: PROJECT,
  service_tier: PROJECT,
  tool_output_max_chars: LOCAL,
  use_streaming: LOCAL,
  timeout: LOCAL,
  total_timeout: LOCAL,
  connect_timeout: LOCAL,
  first_event_timeout: LOCAL,
  max_retries: LOCAL,
  max_continuations: LOCAL,
  max_concurrency: LOCAL,
  concurrency_scope: LOCAL,
  transport: LOCAL,
  warm_up: LOCAL,
  continuation: LOCAL,
  compact_at: LOCAL,
  login_on_mount: LOCAL,
  models_cache_ttl: LOCAL,
  models_client_version: PROJECT,
  priority: LOCAL,
  strict_routing: LOCAL,
  routing_rules: LOCAL,
  admission: LOCAL,
  served_model_policy: LOCAL,
  usage_totals: LOCAL,
  matrix: { who: 'name', why: 'it reads a file of its choice' },
  default_matrix: { who: 'name', why: 'it reads a file of its choice' },
  routing_overrides: { who: 'roles' },

  base_url: { who: 'user', bound: true, why: 'it decides where tokens and prompts are sent' },
  issuer: { who: 'user', bound: true, why: 'it decides where refresh tokens are sent' },
  client_id: { who: 'user', bound: true, why: 'it decides which application the user signs in to' },
  ca_file: { who: 'user', bound: true, why: 'it reads a file and decides whose certificates are believed' },
  api_key: { who: 'user', bound: true, why: 'it decides whose account sees and pays for the work' },
  token_store: { who: 'user', bound: true, why: 'it decides where credentials are kept' },
  token_file_path: { who: 'user', bound: true, why: 'it decides which file credentials are read from and written to' },
  host_file_path: { who: 'user', bound: true, why: 'it decides which file names this host to the issuer' },
  app_name: { who: 'user', why: 'the user signs in to what is shown under this name' },
  redis_url: { who: 'user', bound: true, why: 'it decides which server credentials are kept on' },
  redis_allow_plaintext: { who: 'user', bound: true, why: 'it lets credentials cross the network in the clear' },
  lane: { who: 'user', bound: true, same: true, why: 'it decides which sign-in pays' },
  auth_mode: { who: 'user', bound: true, same: true, why: 'it decides which sign-in pays' },
  account: { who: 'user', bound: true, same: true, why: 'it decides whose account sees and pays for the work' },
  raw: { who: 'user', same: true, why: 'it puts whole prompts and answers on events that others read' },
  telemetry_content: { who: 'user', same: true, why: 'it puts prompts and answers on spans that others collect' },
  extra_request_params: { who: 'user', same: true, why: 'it adds to every request what it likes, such as a remote server that is sent the conversation' },
  custom_routing_dirs: { who: 'user', why: 'it reads files from folders of its choice' },

  // Hosts' keys without effect inside a mount config; those of a plan's entry are judged with the entry.
  id: PROJECT,
  instance_id: PROJECT,
  name: PROJECT,
  source: PROJECT,
  module: PROJECT,
}

/** Key of a routing hook's config to the option that it stands for. */
export const HOOK_OPTIONS: Readonly<Record<string, string>> = {
  default_matrix: 'default_matrix', custom_routing_dirs: 'custom_routing_dirs', overrides: 'routing_overrides',
}

/** What an option counts as that the table doesn't have. */
export const NO_ROW: TrustRow = { who: 'user', why: 'nobody has said yet that a project may' }

/** Option to the reason why only the user, the environment and host code may set it. */
export const USER_ONLY_OPTIONS: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(TRUST_TABLE).flatMap(([key, { who, why }]) => (who === 'user' && why !== undefined ? [[key, why]] : [])),
)

export function trustRowOf(option: string): TrustRow {
  return (Object.hasOwn(TRUST_TABLE, option) ? TRUST_TABLE[option] : undefined) ?? NO_ROW
}
