import type { Settings, SettingsOptions } from './settings.js'

/**
 * Reads `~/.amplifier/settings.yaml`, `.amplifier/settings.yaml` and `.amplifier/settings.local.yaml` of `cwd` (no
 * walking up), then the session's file. Mappings merge deeply, lists replace, the later wins. A malformed or
 * unreadable file is skipped with a warning; a missing one is no news.
 *
 * @throws ConfigurationError with file, line and key, where a project's file sets what only the user may
 */
export async function loadSettings(cwd: string, options: SettingsOptions = {}): Promise<Settings> {
  const { readSettings } = await import('./read-settings.js')
  return readSettings(cwd, options)
}
