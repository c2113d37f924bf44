/**
 * auth/ owns credentials: sign-in, refresh, the lanes, and the places tokens are kept. It knows OAuth,
 * files, locks and JWTs. It refuses to know models, chat, hooks, and what a call is for.
 */
export { accountFolder, DEFAULT_ACCOUNT, listAccounts, tokenFilePath } from './accounts.js'
export type { StoredAccount, TokenFileOptions } from './accounts.js'
export { readClaims } from './claims.js'
export type { Claims } from './claims.js'
export { createCredentialSource, createRefreshShared, describeLoadFault } from './create-credential-source.js'
export type { CredentialSourceDeps, ManagedCredentialSource, RefreshShared } from './create-credential-source.js'
export type { Credential, CredentialSource } from './credential-source.js'
export { signInWithDeviceCode } from './device-code.js'
export type { DeviceCodeOptions, DeviceCodePrompt } from './device-code.js'
export { createFileStore } from './file-store.js'
export type { FileStoreOptions } from './file-store.js'
export { createLane } from './lane.js'
export type { Lane, LaneConfig, LaneContext } from './lane.js'
export { createMemoryStore } from './memory-store.js'
export type { MemoryStoreOptions } from './memory-store.js'
export { checkBinding, checkIssuerUrl, isLoopback } from './origin-binding.js'
export type { Binding, BindingVerdict } from './origin-binding.js'
export { saveSignIn } from './save-sign-in.js'
export type { SaveSignInInput, SignIn } from './save-sign-in.js'
export { parseLaneName } from './stored-record.js'
export { TokenStoreError } from './token-store.js'
export type {
  LoadResult, PendingRefresh, StoredCredential, StoredRecord, StoreFault, StoreLock, TokenStore, TokenStoreErrorCode,
} from './token-store.js'
