import type { Settings, SettingsOptions } from './settings.js'

/**
 * Reads `~/.amplifier/settings.yaml`, `.amplifier/settings.yaml` and `.amplifier/settings.local.yaml` of `cwd` (no
 * walking up), then the session's file. Mappings merge deeply, lists replace, the later wins. A malformed or
 * unreadable file is skipped with a warning; a missing one is no news.
 *
 * Every value keeps its origin, and the mount refuses what only the user may set. Hand entries and configs on as they are: a
 * spread or a clone loses the origins, and what has none counts as the program's own word.
 */
export async function loadSettings(cwd: string, options: SettingsOptions = {}): Promise<Settings> {
  const { readSettings } = await import('./read-settings.js')
  return readSettings(cwd, options)
}
