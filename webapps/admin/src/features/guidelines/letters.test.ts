import type { Passage } from '@cdss/shared/api/types.ts'
import { expect, it } from 'vitest'
import { passageOf } from './letters.ts'

const passage = (id: string, quoted: string) => ({ id, quoted }) as Passage

it('finds the passage that a block of the page belongs to, whatever its markup', () => {
  const list = [passage('a', 'Give **one** dose\nper day.'), passage('b', '<table><tr><td>Amoxicillin</td></tr></table>'), passage('c', 'Give none.')]
  expect(passageOf('Give one dose per day.', list)?.id).toBe('a')
  expect(passageOf('Amoxicillin', list)?.id).toBe('b')
})

it('chooses none where several hold the words, or none does', () => {
  const list = [passage('a', 'Give one dose.'), passage('b', 'Give none.')]
  expect(passageOf('Give', list)).toBeNull()
  expect(passageOf('Take', list)).toBeNull()
})
