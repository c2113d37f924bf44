import { expect, test } from 'vitest'
import { AnswerItem } from '../../src/responses/answer-item.js'

test.each([0, 1, 2, 40])('%i parts are found by their place, in the order they came, and are gone once cleared', (count) => {
  const item = new AnswerItem('reasoning')
  const made = Array.from({ length: count }, (_, index) => item.part(index % 2 === 0 ? 'summary' : 'text', index))
  expect(made.map(({ place }) => item.part(place.kind, place.index))).toEqual(made)
  expect({ size: item.parts.size, all: [...item.parts.values()] }).toEqual({ size: count, all: made })
  expect(item.parts.get('summary 41')).toBeUndefined()
  item.parts.clear()
  expect({ size: item.parts.size, all: [...item.parts.values()], first: item.parts.get('summary 0') }).toEqual({ size: 0, all: [], first: undefined })
})
