/** What the tokens say about their holder: the claims of the real issuer. Pure. */
import type { TwinBehaviour } from './behaviour.js'
import type { Grant } from './grant.js'

/** The documented sign-in's earliest_refresh_at, in the format a test wants. */
export function formatEarliest(seconds: number, behaviour: TwinBehaviour): number | string | null {
  if (behaviour.earliestRefreshFormat === 'null') return null
  return behaviour.earliestRefreshFormat === 'iso' ? new Date(seconds * 1000).toISOString() : seconds
}

function authClaim(grant: Grant): Record<string, unknown> {
  return {
    chatgpt_account_id: grant.accountId,
    chatgpt_plan_type: grant.planType,
    chatgpt_user_id: grant.subject,
    user_id: grant.subject,
    chatgpt_account_user_id: `${grant.subject}__${grant.accountId}`,
    chatgpt_account_is_fedramp: false,
  }
}

export function accessClaims(grant: Grant): Record<string, unknown> {
  return {
    aud: ['https://api.openai.com/v1'],
    client_id: grant.clientId,
    scp: grant.scope.split(' '),
    'https://api.openai.com/auth': authClaim(grant),
    'https://api.openai.com/profile': { email: grant.email, email_verified: true },
  }
}

export function idClaims(grant: Grant): Record<string, unknown> {
  const organizations = [{ id: 'org-twin', is_default: true, role: 'owner', title: 'Personal' }]
  return {
    aud: [grant.clientId],
    email: grant.email,
    email_verified: true,
    'https://api.openai.com/auth': {
      ...authClaim(grant), organizations, organization_id: 'org-twin', project_id: 'proj-twin',
      completed_platform_onboarding: true, is_org_owner: true,
    },
    'https://api.openai.com/profile': { email: grant.email, email_verified: true },
  }
}
