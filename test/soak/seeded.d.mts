export interface Random {
  /** from 0 to below 1 */
  next(): number
  below(count: number): number
  chance(share: number): boolean
  pick<Value>(values: readonly Value[]): Value
  weighted<Name extends string>(weights: Partial<Record<Name, number>>): Name
  words(length: number): string
}
export function createRandom(seed: number, name: string): Random
