/**
 * Options of a test that holds the code to a limit in wall time, or that lives within such a limit of some tenths of a second. A busy
 * machine makes one try late; a wait in the code makes every one late.
 */
export const WALL_TIME = { retry: 9 }
