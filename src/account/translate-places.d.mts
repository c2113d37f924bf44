export function hashRule(source?: string): string
export function translatePlaces(): Promise<string>
export function writePlaces(): Promise<void>
