/**
 * usage/ owns what calls came to: the record of a call, its totals by session, agent, key, role, model and day, the file they are
 * kept in, and the calls that run now. It refuses to know prompts and answers, who is signed in, and how anything is shown.
 */
export { buildCallRecord, agentOf } from './call-record.js'
export type { UsageRecord } from './call-record.js'
export { createLiveBoard } from './live-board.js'
export type { LiveBoard, LiveCall, LiveCount, LiveError, LivePhase, LiveSnapshot, LiveTotals } from './live-board.js'
export { createUsageRecorder } from './usage-recorder.js'
export type { UsageRecorder, UsageRecorderOptions } from './usage-recorder.js'
export { openUsageStore } from './usage-store.js'
export type { UsageGroup, UsageQuery, UsageStore, UsageTotals } from './usage-store.js'
export { USAGE_GROUPS } from './usage-store.js'
