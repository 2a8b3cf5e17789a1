import { expect, it } from 'vitest'
import { complete } from './completion.ts'

it('offers facts by their name and by what they are called', () => {
  expect(complete('%ag', 'de')).toEqual({ typed: '%ag', list: [{ text: '%age', type: 'Alter' }] })
  expect(complete('%alt', 'de').list.map((o) => o.text)).toContain('%age')
  expect(complete('%age >= 18 and %septic', 'en').list.map((o) => o.text)).toContain('%septicShock')
})

it('offers functions behind a dot, and nothing in the middle of a number', () => {
  expect(complete('%conditions.ex', 'en')).toEqual({ typed: 'ex', list: [{ text: 'exists()' }, { text: 'exists(' }] })
  expect(complete('%age >= 1.', 'en').list).toEqual([])
  expect(complete('%age >= ', 'en').list).toEqual([])
})
