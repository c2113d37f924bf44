import type { Credential } from './auth/index.js'
import { AuthenticationError, isLLMError, laneRow, type LLMError } from './contract/index.js'
import type { ProviderOptions } from './config/index.js'
import { sanitizeLine, sanitizeText } from './lib/index.js'
import type { MountContainer } from './container.js'

export interface SignInTerms {
  /** somebody may be asked now, or sign in later */
  interactive: boolean
  /** told why there is no mount, free of secrets */
  refused: (refusal: LLMError) => void
}

/**
 * The credential a mount starts with; `later` where the host asks to sign in itself (`login_on_mount: false`), so that
 * calls fail until somebody has. Asks at the terminal only where `login_on_mount` allows it and
 * somebody is there to answer; else answers undefined, once `refused` was told why.
 */
export async function ensureSignedIn(
  mount: MountContainer, options: ProviderOptions, { interactive, refused }: SignInTerms,
): Promise<Credential | 'later' | undefined> {
  try {
    return await mount.credentials.current()
  } catch (thrown) {
    if (!isLLMError(thrown)) throw thrown
    // A network that is away says nothing about the sign-in: the calls will tell.
    const known = thrown.retryable ? await mount.credentials.peek() : undefined
    if (known) return known
    if (interactive && !options.loginOnMount && options.lane !== 'api_key') return 'later'
    if (!interactive || !mayPrompt(options)) return void refused(explainRefusal(mount, thrown))
    return signIn(mount, options, refused)
  }
}

function mayPrompt(options: ProviderOptions): boolean {
  return laneRow(options.lane).deviceLogin && options.loginOnMount && process.stdin.isTTY === true && process.stderr.isTTY === true
}

function explainRefusal(mount: MountContainer, error: LLMError): LLMError {
  const { words } = error
  // A store or a network that is away says nothing about the sign-in.
  const command = error.retryable || words.includes(mount.credentials.signIn) ? '' : `${/[.!?]$/.test(words) ? '' : '.'} Run '${mount.credentials.signIn}'.`
  return new AuthenticationError(sanitizeLine(mount.redactor.text(`openai-chatgpt is not mounted: ${words}${command}`)), { code: error.code })
}

async function signIn(mount: MountContainer, options: ProviderOptions, refused: SignInTerms['refused']): Promise<Credential | undefined> {
  const cancel = new AbortController()
  const onInterrupt = () => cancel.abort()
  process.once('SIGINT', onInterrupt)
  try {
    const { signInWithDeviceCode } = await import('./auth/index.js')
    const fresh = await signInWithDeviceCode({
      transport: mount.transport,
      issuer: options.issuer,
      clientId: mount.lane.clientId,
      command: mount.lane.signIn,
      signal: cancel.signal,
      show: ({ text }) => void process.stderr.write(`${sanitizeText(text)}\n`),
    })
    return await mount.credentials.accept(fresh)
  } catch (thrown) {
    if (!isLLMError(thrown)) throw thrown
    return void refused(explainRefusal(mount, thrown))
  } finally {
    process.off('SIGINT', onInterrupt)
  }
}
