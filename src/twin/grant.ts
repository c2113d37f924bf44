export type Lane = 'codex' | 'plan' | 'api_key'

/** What a sign-in gave; all tokens of one sign-in share it. */
export interface Grant {
  lane: Lane
  clientId: string
  accountId: string
  planType: string
  email: string
  subject: string
  scope: string
}
