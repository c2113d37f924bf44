/** Random numbers that a seed and a name repeat, whatever else runs at the same time. */
export function createRandom(seed, name) {
  let state = [...`${seed} ${name}`].reduce((sum, letter) => Math.imul(sum, 31) + letter.charCodeAt(0) | 0, 7)
  const next = () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
  const below = (count) => Math.floor(next() * count)
  return {
    next,
    below,
    chance: (share) => next() < share,
    pick: (values) => values[below(values.length)],
    /** One key of `weights`, as often as its weight says. */
    weighted(weights) {
      const entries = Object.entries(weights)
      let at = next() * entries.reduce((sum, [, weight]) => sum + weight, 0)
      return (entries.find(([, weight]) => (at -= weight) < 0) ?? entries[0])[0]
    },
    /** Words of `length` characters, some of them outside ASCII and outside the basic plane. */
    words(length) {
      let text = ''
      while (text.length < length) text += `${this.pick(WORDS)} `
      return text
    },
  }
}

const WORDS = ['read', 'the', 'file', 'naïve', '"quoted"', 'back\\slash', 'über', '日本語', '🦜🔧', 'tab\there', 'line\nbreak', 'x'.repeat(30), '\u2028', 'data: {}', 'é']
